"""All weights or an error that names what is wrong; the layout makes no difference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from harken.errors import CheckpointError
from harken.qwen3_asr.config import read_config
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.network import Network
from harken.qwen3_asr.weights import fingerprint, load_network
from tests.qwen3_asr import reference

CONV = "model.audio_tower.conv2d2.weight"
NORM = "model.language_model.layers.1.self_attn.k_norm.weight"


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Network:
    """Load a folder's network on the CPU."""
    return load_network(folder, read_config(folder), device=torch.device("cpu"), dtype=dtype)


@pytest.fixture
def copy(hf_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own to damage."""
    return shutil.copytree(hf_folder, tmp_path / "copy")


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Replace tensors of a checkpoint; None removes one. Dots are written as `__`."""
    file = folder / "model.safetensors"
    state = {name: tensor.clone() for name, tensor in load_file(file).items()}
    for key, tensor in changes.items():
        name = key.replace("__", ".")
        if tensor is None:
            del state[name]
        else:
            state[name] = tensor
    save_file(state, file)


def test_both_layouts_give_bit_identical_parameters(hf_folder: Path, original_folder: Path) -> None:
    """Every name of one layout has its tensor in the other."""
    flat, nested = load(hf_folder).state_dict(), load(original_folder).state_dict()
    assert flat.keys() == nested.keys()
    assert all(torch.equal(flat[name], nested[name]) for name in flat)


def test_the_way_from_one_layout_to_the_other_and_back_loses_nothing(hf_folder: Path, original_folder: Path) -> None:
    """The renaming is one to one, so each stored tensor is somewhere in the network."""
    hf, original = load_file(hf_folder / "model.safetensors"), load_file(original_folder / "model.safetensors")
    assert {reference.original_name(name) for name in hf} == original.keys() - {"thinker.lm_head.weight"}
    parameters = {tensor.data_ptr() for tensor in load(hf_folder).state_dict().values()}
    assert len(parameters) == len(hf)


def test_every_parameter_is_the_stored_one(theirs: Any, hf_folder: Path) -> None:
    """No random weight survives, and nothing is left without memory."""
    network = load(hf_folder)
    expected = {name.removeprefix("model."): tensor for name, tensor in theirs.state_dict().items()}
    state = network.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        assert torch.equal(tensor, expected[name])
    assert not [name for name, tensor in network.named_buffers() if tensor.is_meta]
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_shards_with_an_index_equal_one_file(theirs: Any, hf_folder: Path, tmp_path: Path) -> None:
    """The larger model comes in several files."""
    theirs.save_pretrained(tmp_path, max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    one, many = load(hf_folder).state_dict(), load(tmp_path).state_dict()
    assert all(torch.equal(one[name], many[name]) for name in one)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_are_converted(hf_folder: Path, dtype: torch.dtype) -> None:
    """All parameters have the type that was asked for; tables of positions stay exact."""
    network = load(hf_folder, dtype)
    wide = load(hf_folder).state_dict()
    assert all(torch.equal(tensor, wide[name].to(dtype)) for name, tensor in network.state_dict().items())
    assert {tensor.dtype for _, tensor in network.named_buffers()} == {torch.float32}


def test_bfloat16_on_disk_is_widened_exactly(theirs: Any, tmp_path: Path) -> None:
    """The published weights are bfloat16; in float32 they have the same values."""
    reference.random_model(reference.TINY).to(torch.bfloat16).save_pretrained(tmp_path)
    for name, tensor in load(tmp_path).state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, theirs.get_parameter(_theirs(name)).bfloat16().float())


def _theirs(name: str) -> str:
    return name if name.startswith("lm_head") else f"model.{name}"


def test_a_missing_weight_is_refused_by_name(copy: Path) -> None:
    """It is never replaced by a random one."""
    rewrite(copy, **{CONV.replace(".", "__"): None})
    with pytest.raises(CheckpointError, match=rf"missing: {CONV.removeprefix('model.')}"):
        load(copy)


def test_an_unexpected_weight_is_refused_by_name(copy: Path) -> None:
    """A weight that the network would ignore changes what the model is."""
    rewrite(copy, model__audio_tower__extra=torch.zeros(3))
    with pytest.raises(CheckpointError, match=r"unexpected: model\.audio_tower\.extra"):
        load(copy)


def test_a_weight_of_another_shape_is_refused_by_name(copy: Path) -> None:
    """The message says both shapes."""
    rewrite(copy, **{NORM.replace(".", "__"): torch.ones(17)})
    with pytest.raises(CheckpointError, match=r"k_norm\.weight \[17\] instead of \[16\]"):
        load(copy)


def test_a_quantised_weight_is_refused_by_name(copy: Path) -> None:
    """Integers without their scales would be nonsense."""
    rewrite(copy, **{NORM.replace(".", "__"): torch.ones(16, dtype=torch.int8)})
    with pytest.raises(CheckpointError, match=r"k_norm\.weight \(I8\)"):
        load(copy)


def test_all_kinds_of_mismatch_are_said_at_once(copy: Path) -> None:
    """Several findings in one message, long lists shortened."""
    state = load_file(copy / "model.safetensors")
    save_file({f"other.{name}": tensor for name, tensor in state.items()}, copy / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: .* and \d+ more; unexpected: other\..* and \d+ more"):
        load(copy)


def test_a_configuration_of_another_size_is_refused(copy: Path) -> None:
    """One layer more in config.json than in the files."""
    content = json.loads((copy / "config.json").read_text())
    content["text_config"]["num_hidden_layers"] += 1
    (copy / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"missing: language_model\.layers\.3"):
        load(copy)


def test_names_of_both_layouts_in_one_file_are_refused(copy: Path) -> None:
    """A mixture is neither."""
    rewrite(copy, thinker__model__norm__weight=torch.ones(48))
    with pytest.raises(CheckpointError, match="unexpected"):
        load(copy)


def test_a_stored_head_that_differs_is_used_as_transformers_uses_it(hf_folder: Path, copy: Path) -> None:
    """The configuration says tied, the file says otherwise: the file is right."""
    head = torch.randn(272, 48, generator=torch.Generator().manual_seed(5))
    rewrite(copy, lm_head__weight=head)
    network = load(copy)
    theirs = reference.transformers.Qwen3ASRForConditionalGeneration.from_pretrained(copy)
    assert torch.equal(network.lm_head.weight, head)
    assert torch.equal(theirs.lm_head.weight, head)
    assert torch.equal(network.language_model.embed_tokens.weight, load(hf_folder).lm_head.weight)


def test_a_tied_head_takes_no_second_memory(hf_folder: Path, original_folder: Path) -> None:
    """Whether it is stored twice or once."""
    for folder in (hf_folder, original_folder):
        network = load(folder)
        assert network.lm_head.weight.data_ptr() == network.language_model.embed_tokens.weight.data_ptr()


def test_an_untied_head_must_be_stored(copy: Path) -> None:
    """Otherwise it would be the embedding table against the configuration's word."""
    content = json.loads((copy / "config.json").read_text())
    content["tie_word_embeddings"] = False
    (copy / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"missing: lm_head\.weight"):
        load(copy)


def test_a_folder_without_safetensors_is_refused(copy: Path) -> None:
    """Other formats can run code and are not looked at."""
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="no other weight format"):
        load(copy)


@pytest.mark.parametrize("kept", [0, 5, 4000])
def test_a_truncated_file_is_refused_by_name(copy: Path, kept: int) -> None:
    """A download that broke off."""
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load(copy)


@pytest.mark.parametrize(
    ("entry", "named"),
    [("../outside.safetensors", "outside"), ("weights.bin", "weights"), (3, "3"), ("absent.safetensors", "absent")],
)
def test_an_index_may_only_name_safetensors_of_its_folder(copy: Path, entry: object, named: str) -> None:
    """A path must not lead elsewhere."""
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {CONV: entry}}))
    with pytest.raises(CheckpointError, match=named):
        load(copy)


@pytest.mark.parametrize("content", [{}, {"weight_map": {}}, {"weight_map": []}])
def test_an_index_without_a_map_is_refused(copy: Path, content: dict[str, object]) -> None:
    """An empty list of files is no model."""
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="weight_map"):
        load(copy)


def test_an_index_that_promises_more_than_a_shard_holds_is_refused(copy: Path) -> None:
    """The shard belongs to another model."""
    (copy / "model.safetensors").rename(copy / "model-1.safetensors")
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a.b": "model-1.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"a\.b in model-1"):
        load(copy)


def test_the_fingerprint_changes_with_weights_and_configuration(hf_folder: Path, copy: Path) -> None:
    """It is the same for a copy, another one for another training or another config.json."""
    assert fingerprint(copy) == fingerprint(hf_folder)
    rewrite(copy, **{NORM.replace(".", "__"): torch.arange(16.0)})
    changed = fingerprint(copy)
    (copy / "config.json").write_text((copy / "config.json").read_text() + "\n")
    assert len({fingerprint(hf_folder), changed, fingerprint(copy)}) == 3
    assert len(changed) == 12


def test_the_fingerprint_is_the_revision_where_the_card_has_none(hf_folder: Path, ours: Qwen3ASR) -> None:
    """What a cache of results is keyed by is never empty."""
    assert ours.info.revision == fingerprint(hf_folder)
