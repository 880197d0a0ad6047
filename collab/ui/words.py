"""Every string that a person reads, by language and by place.

A key is `place.name`. Add a string to its place in every language; `word` refuses a key that isn't there.
"""

from contextvars import ContextVar

from collab.errors import UnknownName

_ENGLISH: dict[str, dict[str, str]] = {
    "card": {
        "accept": "Accept",
        "again": "Nothing changes until you choose again.",
        "changed": "changed",
        "choose": "Choose: this one is your call.",
        "choose_below": "Choose a class.",
        "clipped": "{n} more characters are not shown",
        "close": "Close",
        "close_call": "Close between {a} and {b}.",
        "connecting": "Connecting",
        "cancel": "Cancel",
        "cut_off": "The line is down",
        "cut_off_next": "Nothing is left to show. Your answers wait in this browser until the line is back.",
        "did_flag": "Flagged",
        "did_later": "Later",
        "did_restore": "Put back",
        "did_undo": "Taken back",
        "did_unsure": "Can't tell",
        "did_unusable": "Unusable",
        "dismiss": "Dismiss",
        "end": "All done for now",
        "end_chosen": "That was your selection",
        "end_chosen_next": (
            "You have been through everything that you picked. "
            "Pick more on the Data page, or go back to the model's questions."
        ),
        "end_next": (
            "Every item that waits for you has an answer. Look through your earlier answers below, "
            "import more items on the Data page, or export your file."
        ),
        "ended": "Session ended, {n} waiting",
        "example": "For example:",
        "expired": "Your session has ended. Your answers are safe in this browser; reload the page to send them.",
        "fetching": "Fetching the next item",
        "find": "Find a class",
        "find_none": "No class is called that.",
        "flag": "Flag",
        "flag_ask": "Flag for the others",
        "flag_line": "What should they look at? (optional)",
        "flag_send": "Flag",
        "go_back": "Go back",
        "guide": "Guidelines and classes",
        "help": "Keys",
        "help_accept": "Accept the suggestion, where there is one",
        "help_back": "Return without a change",
        "help_class": "Choose a class",
        "help_find": "Find a class by its name",
        "help_flag": "Flag for the others, with a line if you like",
        "help_later": "Later: it comes back; on a reopened item: take your answer back",
        "help_undo": "Reopen your last answer; again: the one before",
        "help_unsure": "Can't tell: a stored answer",
        "help_unusable": "Unusable: leaves the pool",
        "keys_on": "Answer with single keys",
        "later": "Later",
        "loading": "Loading your items",
        "near_miss": "But not:",
        "no_earlier": "There is no earlier answer.",
        "no_guide": "Nobody has written any yet. The project's settings have room for them.",
        "not_stored": "not stored",
        "not_you": "Not you?",
        "odds": "When it is this sure, it agrees with blind answers about {n} times in 10.",
        "offline": "Offline, {n} waiting",
        "options": "Classes",
        "other": "Other answers",
        "past": "Your last answers",
        "past_none": "Your answers appear here. Choose one to reopen it.",
        "read_to_here": "the model read up to here",
        "reading": "The model is still reading, {pct}.",
        "refused": "One answer could not be stored: {why}",
        "reload": "Reload",
        "reopen": "Reopen",
        "reopened": "You reopened this one.",
        "retry": "Try now",
        "saved": "Saved",
        "saving": "Saving {n}",
        "still": "Still {name}?",
        "still_no": "Someone else",
        "still_yes": "Yes, go on",
        "suggests": "The model suggests",
        "take_back": "Take back",
        "text": "Text of the item",
        "today": "{n} of {goal} today",
        "unchecked": "not checked yet",
        "unchecked_why": "The bars show what it leans to. Numbers follow once enough blind answers have checked it.",
        "undo": "Back",
        "unsaved": "Not saved, {n} waiting",
        "unsure": "Can't tell",
        "unusable": "Unusable",
        "unusable_1": "Wrong language",
        "unusable_2": "Empty or garbled",
        "unusable_3": "Does not belong here",
        "unusable_ask": "Why is it unusable?",
        "unusable_line": "Or say it in a few words",
        "unusable_send": "Unusable",
        "you_said": "You answered",
        "your_call": "Your call",
        "yours": "your answer",
    },
    "reason": {
        "random": "Drawn at random to begin with.",
        "typical": "Many other items are like this one.",
        "unsure": "The model is torn about this one.",
        "unlike": "It differs from everything answered so far.",
        "coverage": "It fills a gap in what has been answered.",
        "blind": "Asked without a suggestion, so that your own judgement counts.",
        "chosen": "You picked this one.",
        "overlap": "Others answer this one too.",
    },
    "nav": {
        "home": "Home",
        "label": "Label",
        "answers": "My answers",
        "data": "Data",
        "insights": "Insights",
        "export": "Export",
        "settings": "Settings",
        "new": "New project",
        "project": "Project",
        "not_you": "Not you?",
    },
    "who": {
        "title": "Who is here?",
        "why": (
            "Your name stands beside every answer that you give. There is no password yet: anyone who can open "
            "this page can take any name."
        ),
        "name": "Your name",
        "go": "Go on",
        "empty": "Type a name first.",
        "known": "Or go on as one of these:",
    },
    "home": {
        "title": "Projects",
        "new": "New project",
        "none": "No project yet",
        "none_why": (
            "A project holds your items, one question about them, and the answers. Bring a file, and you can "
            "label within a minute."
        ),
        "demo": "Or look at it with real data first: this command makes a project of 4,200 tweets.",
        "progress": "{answered} of {items} answered",
        "today": "You: {n} of {goal} today",
        "reading": "the model is still reading, {share}",
        "no_worker": "suggestions wait for the worker",
        "no_items": "No items yet.",
        "start": "Start labeling",
        "continue": "Continue labeling",
        "export": "Take your file out",
        "flagged": "{n} flagged",
        "disputed": "{n} disputed",
        "unsure": "{n} can't tell",
    },
    "data": {
        "title": "Data",
        "why": "Look through the items, find some, label these.",
        "none": "No project yet",
        "none_why": "Make one first; its items then appear here.",
        "part": "Part of the page",
        "browse": "Browse",
        "import_part": "Import",
        "import": "Import a file",
        "no_items": "No items yet",
        "no_items_why": "Choose Import above and bring a file.",
        "file": "A file: CSV, TSV, JSON Lines, Parquet or Excel; the text formats also as .gz",
        "on_server": "Or take a file that lies on the server",
        "path": "Path on the server",
        "no_such_file": "there is no such file on the server. Check the path.",
        "rejected": (
            "{n} of the first {looked} rows can't be taken. All others can; after the import the whole list is "
            "there to download."
        ),
        "line": "Line",
        "reason": "Why",
        "row": "Row",
        "renamed": "The column {was} is called {now} here.",
        "left_out": "Columns with bytes are left out: {names}.",
        "search": "Search",
        "search_hint": "Words in the text",
        "state": "State",
        "answer": "Answer",
        "any": "Any",
        "ref": "Id",
        "item": "Item",
        "source": "Source",
        "note": "Note",
        "found": "{n} found",
        "nothing": "Nothing found",
        "nothing_why": "No item fits. Take a filter away, or search for fewer words.",
        "label_these": "Label these {n}",
        "label_found": "Label the first {n} found",
        "none_to_label": "All of these are reserved for audits, or wait for you already.",
        "restore": "Bring {n} back into the pool",
        "reserve": "Items reserved for audits are not in this list.",
    },
    "import": {
        "why": "Rows that are here already are not added twice. Rows that are missing in the new file stay.",
        "on_change": "Rows whose id is here with other content",
        "compare": "Show what would change",
        "compare_why": "Reads the whole file and stores nothing.",
        "comparing": "Comparing the file with what is here",
        "would": "**{added}** new, **{changed}** changed, **{same}** the same, **{rejected}** can't be taken.",
        "field": "Column",
        "here": "Here now",
        "file": "In the file",
        "go": "Import",
        "before": "Imports so far",
        "did": "{added} added, {changed} changed, {same} the same, {rejected} rejected, {answers} answers",
        "rejected": "Fetch the rejected rows",
    },
    "on_change": {
        "keep": "Keep what is here",
        "keep_why": "The file's version is left aside.",
        "replace": "Replace, and ask again",
        "replace_why": "The item gets the new content; its answer no longer counts.",
        "add": "Add as new items",
        "add_why": "Both versions are there, the new one under the id with a number.",
    },
    "new": {
        "title": "New project",
        "step": "Step {n} of {of}: {name}",
        "file": "The file",
        "columns": "Its columns",
        "classes": "Question and classes",
        "summary": "Summary",
        "file_why": "Bring the texts that you want to label. Nothing is stored as items before the last step.",
        "found": "**{name}**: about {rows} rows, {columns} columns.",
        "columns_why": "This is what each column seems to be for. Correct what is wrong.",
        "no_text": 'The model must read at least one column: give a text the role "shown and read by the model".',
        "question": "Question",
        "question_example": "What is this message about?",
        "from_column": "Take the classes from a column",
        "take": "Take them",
        "too_many": (
            "This column has more than {most} different values; the most frequent ones were taken. Is it the "
            "right column?"
        ),
        "guidelines": "Guidelines (optional)",
        "needs_question": "Write the question that is asked of every item.",
        "name": "Name of the project",
        "counts": "About **{rows}** items, **{classes}** classes. The question: *{question}*",
        "hours": (
            "At {seconds} seconds an answer (an assumption until you have answered some), the first 400 answers "
            "take about **{few} hours**; all of them would take {all} hours. The model learns from every answer, "
            "so you will hardly need all."
        ),
        "hours_own": (
            "At your own pace of {seconds} seconds an answer, the first 400 answers take about **{few} hours**; "
            "all of them would take {all} hours. The model learns from every answer, so you will hardly need all."
        ),
        "language": (
            "Mostly {language}; the built-in encoder was trained on English. It works, but learns more slowly. "
            "Under Settings you can name another encoder: any sentence-transformers model, or a folder that holds"
            " one, such as a multilingual one."
        ),
        "back": "Back",
        "next": "Next",
        "create": "Create and import",
    },
    "columns": {
        "name": "Column",
        "kind": "Kind",
        "role": "What it is for",
        "why": "Because",
        "reading": "Read as {encoding}, cells divided by {delimiter}",
        "encoding": "Encoding",
        "delimiter": "Divider",
        "detect": "As detected",
        "none": "nothing",
        "answers": "The answers in the file",
        "unlabeled": "Take rows whose answer names no class",
        "unlabeled_why": "They come in without an answer. Otherwise they are rejected, and listed.",
        "unescape": "Decode HTML entities",
        "unescape_why": "&amp; becomes &. The export gives the original back.",
    },
    "role": {
        "both": "shown and read by the model",
        "shown": "shown only",
        "encoded": "read by the model only",
        "id": "id",
        "metadata": "kept for the export",
        "answer": "answer",
        "annotator": "annotator",
    },
    "kind": {
        "text": "text",
        "number": "number",
        "category": "category",
    },
    "guess": {
        "named so": "its name says so",
        "longest text": "the longest text",
        "long text": "long text",
        "all different": "all values differ",
        "few values": "few different values",
        "numbers": "numbers",
        "the rest": "nothing in particular",
    },
    "answers_as": {
        "decisions": "Decisions",
        "decisions_why": "These items count as answered, and the model learns from them at once.",
        "annotations": "Annotations of the people in the annotator column",
        "annotations_why": "Each counts as that person's answer.",
        "truth": "Hidden truth",
        "truth_why": "Held back: only simulations and a demo's curve read it.",
        "nothing": "Not at all",
        "nothing_why": "They stay a column of the export.",
    },
    "classes": {
        "name": "Class",
        "key": "Key",
        "key_why": "One letter or digit; S, F, U, X and Z are taken.",
        "color": "Color",
        "description": "Definition",
        "example": "Example",
        "near_miss": "Near miss",
        "near_miss_why": "Something that looks like it and is not.",
    },
    "language": {
        "zh": "Chinese",
        "ja": "Japanese",
        "ko": "Korean",
        "ru": "Russian",
        "ar": "Arabic",
        "el": "Greek",
        "he": "Hebrew",
        "hi": "Hindi",
        "th": "Thai",
        "kana": "Japanese",
        "de": "German",
        "fr": "French",
        "es": "Spanish",
        "pt": "Portuguese",
        "it": "Italian",
    },
    "label": {
        "none": "No project yet",
        "none_why": "Make one first; then its items come here, one after the other.",
        "no_items": "No items yet",
        "no_items_why": "This project is empty. Import a file, and labeling starts at once.",
    },
    "answers": {
        "title": "My answers",
        "why": "What you said and what holds today, latest first. Only you see this list.",
        "none": "No answers yet",
        "none_why": "Every answer that you give on the card appears here.",
        "none_here": "None of your latest answers is of this class.",
        "filter": "Only this class",
        "reopen": "Open on the card",
        "older": "Older answers",
        "newest": "Newest",
        "audit": "This one was asked blind, at random. Go back to it on the card, with Z.",
        "pick": "Choose a row to open it again.",
        "time": "Time",
        "answer": "Answer",
        "item": "Item",
        "ref": "Id",
    },
    "kind_of": {
        "answer": "Answer",
        "unsure": "Can't tell",
        "later": "Later",
        "unusable": "Unusable",
        "flag": "Flagged",
        "undo": "Taken back",
        "restore": "Put back",
    },
    "state": {
        "open": "open",
        "decided": "decided",
        "labeled": "labeled",
        "unsure": "can't tell",
        "disputed": "disputed",
        "flagged": "flagged",
        "unusable": "unusable",
        "later": "put off by me",
    },
    "source": {
        "agreement": "agreement",
        "adjudicated": "adjudicated",
        "aggregated": "aggregated",
        "machine": "model",
        "imported": "imported",
    },
    "insights": {
        "title": "Insights",
        "none": "Nothing to show yet",
        "none_why": "Import items and answer some; the figures appear by themselves.",
        "agreement": "How often it agrees with you",
        "too_few": "{n} blind answers so far. From {least} on there is a first figure.",
        "band": "The model agreed with your blind answers **between {low} and {high} times of 10**.",
        "point": (
            "The model agreed with **{right} of {n}** of your blind answers. On all items that would be between "
            "**{low}** and **{high}**."
        ),
        "missing": "Its probabilities are checked after {n} more blind answers, about {minutes} minutes of labeling.",
        "unresolved": "{n} of the items asked blind are still unresolved; the interval allows for either outcome.",
        "how": (
            "Measured only on items that were drawn at random, asked without a suggestion, and never trained on. "
            "The interval holds 19 times in 20."
        ),
        "curve": "Learning curve",
        "curve_later": "The curve begins at {least} blind answers: with fewer, ups and downs would be chance.",
        "labels": "Labels learned from",
        "agreed": "Agreement",
        "curve_alt": "From {a} to {b} labels, agreement went from {first} to {last}.",
        "demo": "Against the held-back ratings · demo only",
        "demo_now": "**{share}** after {n} labels.",
        "demo_later": "The curve starts with the model's first fit, a few answers from now.",
        "demo_why": (
            "This demo came with ratings of many people, held back from the model. Your own projects have no such"
            " thing; there, blind answers are what counts."
        ),
        "demo_axis": "Agreement",
        "worker": "What the model does now",
        "no_worker": "No worker is running. Answers are kept; suggestions wait until one runs.",
        "reading": "Reading the items, {share}",
        "fit": "Last fit: {labels} labels in {seconds} s.",
        "retrain": "Retrain now",
        "progress": "Progress",
        "pace": "Your median: {seconds} seconds an answer. Only you see this.",
        "no_pace": "Your pace appears after five answers. Only you will see it.",
        "balance": "Classes so far",
        "no_balance": "The bars grow with the first answers.",
    },
    "worker": {
        "": "Starting.",
        "idle": "Waiting for your next answer.",
        "reading": "Reading the items.",
        "fitting": "Learning from your answers.",
        "ranking": "Choosing what to ask next.",
    },
    "export": {
        "title": "Export",
        "none": "Nothing to export yet",
        "none_why": "Import items first; you can then take them out again at any time, with the answers.",
        "what": "What",
        "mine": "My file",
        "mine_why": "The same rows, columns and order as you brought, with answer, source, annotator and time.",
        "decisions": "Decisions",
        "decisions_why": "One row for each item that has an accepted answer, and where it came from.",
        "annotations": "Annotations",
        "annotations_why": "Every act of everybody: answer, what was shown, seconds, what was taken back.",
        "format": "Format",
        "guarding": (
            "A cell that a spreadsheet would run as a formula gets a leading apostrophe. JSON Lines and Parquet "
            "are exact."
        ),
        "exact": "Exact: every value as it is.",
        "go": "Make the file",
        "before": "Made so far",
        "made": "**{what}** as {format}, {rows} rows",
        "guarded": "Cells with a leading apostrophe, so that no spreadsheet runs them: {n}.",
        "fetch": "Fetch",
    },
    "format": {
        "csv": "CSV",
        "xlsx": "Excel",
        "jsonl": "JSON Lines",
        "parquet": "Parquet",
    },
    "settings": {
        "title": "Settings",
        "none": "No project yet",
        "none_why": "Make one first; its settings then appear here.",
        "classes": "Question and classes",
        "classes_why": (
            "Version {version}. Add a class as the last row. Classes are never deleted: retire or merge them "
            "below, keys and colors of the others stay."
        ),
        "save": "Save",
        "saved": "Saved.",
        "undo": "Take the last change back",
        "reshape": "Retire or merge a class",
        "class": "Class",
        "into": "Merge into",
        "only_retire": "No other: only retire it",
        "merge_preview": (
            "**{name}** becomes **{into}**. This changes {decisions} decisions and {audits} audit answers; it can"
            " be taken back."
        ),
        "retire_preview": (
            "**{name}** is no longer offered. Its {decisions} decisions and {audits} audit answers stay as they "
            "are; it can be taken back."
        ),
        "merge": "Merge",
        "retire": "Retire",
        "policy": "How it asks",
        "daily_goal": "Daily goal (answers)",
        "overlap": "Answers for each item",
        "overlap_why": "With more than one, different people answer the same item.",
        "idle": "Ask who is here after so many idle minutes",
        "blind": "Share asked without a suggestion",
        "blind_why": "Beside the audits. It shows what suggestions do to people.",
        "trickle": "After 200 audits, one ask in so many is an audit (0: none)",
        "trickle_why": "Before, it is one in five until 50 are answered, one in ten until 200.",
        "accept": "Fill the Accept button from this audited agreement on",
        "accept_why": "The lower end of the interval counts.",
        "encoder": "Encoder",
        "encoder_why": (
            "minilm is built in. Any other name is a sentence-transformers model, or a folder that holds one; all"
            " items are then read anew."
        ),
        "delete": "Delete this project",
        "delete_why": "It disappears from every list. Its log stays in the database.",
        "type_name": "Type its name, {name}, to delete it",
        "delete_now": "Delete",
    },
    "job": {
        "import": "Import",
        "export": "Export",
        "retrain": "Retraining",
        "running": "{what}: {share}",
        "rows": "{what}: {share}, {rows} rows",
        "waiting": "{what}: waiting for the worker",
        "starting": "{what}: starting",
        "stopping": "{what}: stopping",
        "cancel": "Stop",
        "failed": "This did not work: {why}",
    },
    "errors": {
        "try_again": "Try again",
        "link_expired": "This link has run out. Open the page again and take the new one.",
        "grant_expired": "The session has ended. Reload the page to go on.",
        "too_large": "The message is larger than {limit} KB.",
        "not_json": "The message is not JSON.",
        "unexpected": (
            "Something went wrong that should not have. It has been noted in the server's log; nothing that was "
            "saved is lost."
        ),
    },
}

WORDS: dict[str, dict[str, str]] = {
    language: {f"{place}.{name}": text for place, words in places.items() for name, text in words.items()}
    for language, places in {"en": _ENGLISH}.items()
}

_language: ContextVar[str] = ContextVar("language", default="en")


def speak(language: str) -> None:
    """Set the language of the strings that follow in this run; one that isn't there becomes English."""
    _language.set(language if language in WORDS else "en")


def language() -> str:
    """The language of this run."""
    return _language.get()


def word(key: str, /, **values: object) -> str:
    """Say a string in the language of this run, with its values filled in.

    >>> word("card.today", n=18, goal=200)
    '18 of 200 today'

    Raises:
        UnknownName: No string has this key.
        KeyError: A value is missing.
    """
    words = WORDS[_language.get()]
    if key not in words:
        raise UnknownName("string", key)
    return words[key].format(**values)


def words_of(place: str) -> dict[str, str]:
    """All strings of a place, without its name before their keys and with their values still open."""
    start = f"{place}."
    return {key.removeprefix(start): text for key, text in WORDS[_language.get()].items() if key.startswith(start)}
