"""The questions of the demos with pictures and of the one with applications for credit."""

from collab.domain.project import PALETTE, LabelClass, LabelSchema

_SHOWN = (
    ("animals", "Animals, also as comic figures; birds, fish and insects too."),
    ("buildings", "Houses, towers, churches, and other things built to stay."),
    ("flags", "Flags of countries, states and regions."),
    ("food", "What people eat and drink, raw or cooked."),
    ("music", "Instruments, notes, and people who are drawn for their instrument."),
    ("people", "People, faces, parts of the body."),
    ("plants", "Trees, flowers, leaves that nobody is about to eat."),
    ("playing_cards", "Single playing cards of any deck."),
    ("tools", "What people work with by hand, weapons among them."),
    ("vehicles", "What drives, flies, rolls or swims with people in it."),
)
CLIPART10 = LabelSchema(
    question="What does this drawing show?",
    classes=tuple(
        LabelClass(name, name.replace("_", " "), key, color, description)
        for (name, description), key, color in zip(_SHOWN, "1234567890", PALETTE, strict=True)
    ),
    guidelines=(
        "Choose what the drawing is mainly of, as you would say it to somebody who looks for it.\n\n"
        "The answers that are held back are the folders into which the artists put their drawings, and some lie in a "
        "folder where nobody would look: a table among the buildings, a notice “Linked Image Not Found” among the "
        "animals. Answer what you see; where nothing can be made out, say that it is unusable."
    ),
)

_KINDS = (
    ("animal", "An animal, also as a comic figure."),
    ("building", "A house, a tower, another thing built to stay."),
    ("food", "Something to eat or to drink."),
    ("office", "What lies or stands in an office: pens, scissors, furniture, paper."),
    ("person", "A person, a face, a part of the body."),
    ("plant", "A tree, a flower, a leaf that nobody is about to eat."),
    ("tool", "What people work with by hand, weapons among them."),
    ("vehicle", "What drives, flies, rolls or swims with people in it; signs about traffic too."),
)
CLIPART = LabelSchema(
    question="What kind of thing is this drawing of?",
    classes=tuple(
        LabelClass(name, name, key, color, description)
        for (name, description), key, color in zip(_KINDS, "12345678", PALETTE, strict=False)
    ),
    guidelines=(
        "Look at the drawing first, then at its title: titles are in many languages, and some say only who drew it or "
        "to which set it belongs. The numbers tell how it is made; they are for the model more than for you.\n\n"
        "The answers that are held back are the folders of the collection. A few drawings lie in a folder where nobody "
        "would look; answer what you see."
    ),
)

CREDIT = LabelSchema(
    question="Was this credit paid back as agreed?",
    classes=(
        LabelClass(
            id="good", name="paid back", key="1", color="#2f9463",
            description="The bank called it a good credit afterwards.",
        ),
        LabelClass(
            id="bad", name="not paid back", key="2", color="#c8553d",
            description="The bank called it a bad credit afterwards.", critical=True,
        ),
    ),
    guidelines=(
        "Applications for credit at a German bank; amounts are in Deutsche Mark, durations in months. What became of "
        "each credit was known later.\n\n"
        "This is for trying out how a table is labeled. Sex, age and origin are among the columns; a model that "
        "decides about people today must not learn from these."
    ),
)  # fmt: skip
