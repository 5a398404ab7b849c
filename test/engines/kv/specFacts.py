"""Facts from KV-cache specs made by hand: drawn layouts, asked of one vLLM release's own `get_kv_cache_configs`.

    python specFacts.py SOURCES DRAWS OUT.json        SOURCES: folder of an older release, or "" for the installed one

Every release gets the same draws in the same order; null is told of one that its code refuses.
"""

import dataclasses
import json
import logging
import random
import re
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import foreignVllm  # noqa: E402

KIB = 1024


def draw_layers(chance: random.Random) -> list[list[dict]]:
    """`[units, repeat]`: runs of equal layers, repeated as model layers are."""
    block = chance.choice([16, 16, 16, 32, 64])
    heads, dim, width = chance.choice([1, 2, 4, 8]), chance.choice([64, 96, 128, 256]), chance.choice([1, 2, 2])
    full = {"kind": "full", "count": 1, "block": block, "heads": heads, "dim": dim, "width": width}
    window = {**full, "kind": "sliding", "window": chance.choice([128, 512, 1024, 4096, 4097])}
    latent = {"kind": "mla", "count": 1, "block": chance.choice([16, 64]), "heads": 1, "dim": 576, "width": width}
    per_token = 2 * heads * dim * width
    aligned = 16 * chance.choice([5, 33, 34, 49, 66, 98])
    state = {"kind": "state", "count": 1, "block": aligned, "bytes": aligned * per_token - chance.choice([0, 4096]),
             "padded": aligned * per_token, "mode": chance.choice(["none", "align"]), "drafts": chance.choice([0, 0, 3])}
    many = chance.randint(2, 9)
    some = chance.randint(1, 6)
    return chance.choice([
        [[{**full, "count": chance.randint(1, 80)}], 1],
        [[{**full, "count": some}, {**full, "dim": 2 * dim, "count": many}], 1],
        [[{**window, "count": some}, full], many],
        [[{**window, "count": some}, full], many],
        [[full, {**window, "count": 1}], many],
        [[{**full, "kind": "chunked", "window": 8192, "count": 3}, full], many],
        [[{**latent, "count": chance.randint(1, 61)}], 1],
        [[latent, {**latent, "dim": 132, "width": 1}], chance.randint(1, 61)],
        [[{**window, "count": chance.randint(1, 40)}], 1],
        [[{**state, "count": chance.randint(1, 64), "padded": None}], 1],
        [[{**state, "count": some}, {**full, "block": aligned}], many],
        [[{**state, "count": some}, {**full, "block": aligned}], many],
        [[{**full, "count": many}, {**full, "kind": "cross", "count": many}], 1],
        [[{**window, "count": some, "heads": 4 * heads}, full], many],
        [[{**window, "count": some}, {**full, "heads": 2 * heads, "dim": 96}], many],
        [[{**window, "count": some}, full, {**window, "window": 256}], many],
        [[{**state, "count": 2}, {**full, "block": aligned}, {**window, "block": aligned}], many],
        # A draft model's layers of one kind more.
        [[{**window, "count": many + 4}, {**full, "count": many + 4 + chance.randint(1, 5)}], 1],
    ])


def draw(chance: random.Random) -> dict:
    unit, repeat = draw_layers(chance)
    kinds = {layer["kind"] for layer in unit}
    stages = chance.choice([1, 1, 1, 2, 3])
    in_flight = chance.choice([512, 2048, 8192, 16384])
    layers = repeat * sum(layer["count"] for layer in unit)
    return {
        "unit": unit,
        "repeat": repeat,
        "stages": min(stages, layers),
        "length": chance.choice([1, 100, 1000, 4096, 32768, 131072]),
        "batched": in_flight // chance.choice([1, 2]),
        "inFlight": in_flight,
        "pools": [int(2 ** chance.uniform(26, 36)) | 1 for _ in range(min(stages, layers))],
        "shards": chance.choice([1, 1, 2, 8]) if kinds <= {"full", "mla"} else 1,
        "hybridOff": chance.random() < 0.1,
        "override": chance.choice([None] * 9 + [777]),
        # The packed layout is for mixed pages of attention; other draws leave it alone.
        "outermost": chance.random() < 0.3 and "cross" not in kinds,
    }


def stage_counts(layers: int, stages: int) -> list[int]:
    counts = [layers // stages] * stages
    for stage in range(layers % stages):
        counts[-2 - stage] += 1
    return counts


class Asked:
    """One release's code, and a configuration that answers what it is asked."""

    def __init__(self, folder: str) -> None:
        foreignVllm.prepare(folder)
        import torch
        from vllm.v1 import kv_cache_interface
        from vllm.v1.core import kv_cache_utils

        self.torch, self.specs, self.kv = torch, kv_cache_interface, kv_cache_utils
        self.logged: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: self.logged.append(record.getMessage())  # type: ignore[method-assign]
        logger = logging.getLogger("vllm.v1.core.kv_cache_utils")
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)

    def spec(self, layer: dict):
        dtype = {1: self.torch.uint8, 2: self.torch.bfloat16}[layer.get("width", 2)]
        given = {
            "block_size": layer["block"], "num_kv_heads": layer.get("heads"), "head_size": layer.get("dim"),
            "dtype": dtype, "sliding_window": layer.get("window"), "attention_chunk_size": layer.get("window"),
            "shapes": ((layer.get("bytes", 0),),), "dtypes": (self.torch.uint8,),
            "page_size_padded": layer.get("padded"), "mamba_cache_mode": layer.get("mode"),
            "num_speculative_blocks": layer.get("drafts"), "use_mla": layer["kind"] == "mla",
            # Indexers have none; by this releases told them from latent vectors.
            "cache_dtype_str": "auto" if layer.get("dim") == 576 else None,
        }
        names = {"full": "FullAttentionSpec", "mla": "MLAAttentionSpec", "sliding": "SlidingWindowSpec",
                 "chunked": "ChunkedLocalAttentionSpec", "cross": "CrossAttentionSpec", "state": "MambaSpec"}
        made = getattr(self.specs, names[layer["kind"]])
        if layer["kind"] in ("full", "mla"):
            del given["sliding_window"], given["attention_chunk_size"]
        known = {field.name for field in dataclasses.fields(made) if field.init}
        if layer["kind"] == "state" and "mamba_cache_mode" not in known:
            raise NotImplementedError("this release has no modes of state caching")
        return made(**{name: value for name, value in given.items() if name in known and value is not None})

    def config(self, case: dict):
        modes = {layer["mode"] for layer in case["unit"] if layer["kind"] == "state"}
        scheduler = _Namespace(
            max_num_batched_tokens=case["batched"], max_num_encoder_input_tokens=case["batched"],
            disable_hybrid_kv_cache_manager=case["hybridOff"],
        )
        cache = _Namespace(
            num_gpu_blocks_override=case["override"], mamba_cache_mode=modes.pop() if modes else "none",
            block_size=16, enable_prefix_caching=True,
            get_resolved_kv_cache_layout=lambda: _layout(case["outermost"]),
        )
        return _Namespace(
            model_config=_Namespace(max_model_len=case["length"], original_max_model_len=case["length"]),
            scheduler_config=scheduler, cache_config=cache, attention_config=_Namespace(),
            parallel_config=_Namespace(
                decode_context_parallel_size=case["shards"], prefill_context_parallel_size=1, tensor_parallel_size=1,
                pipeline_parallel_size=1,
            ),
            max_in_flight_tokens=case["inFlight"], num_prefill_lookahead_tokens=0,
            device_config=_Namespace(device_type="cuda"),
        )

    def __call__(self, case: dict) -> dict:
        layers = [layer for layer in case["unit"] for _ in range(layer["count"])] * case["repeat"]
        stages, at = [], 0
        for count in stage_counts(len(layers), case["stages"]):
            stages.append({f"layer.{i}": self.spec(layers[i]) for i in range(at, at + count)})
            at += count
        config = self.config(case)
        self.logged.clear()
        try:
            configs = self.kv.get_kv_cache_configs(config, stages, list(case["pools"]))
        except ValueError as refusal:
            text = str(refusal)
            if "KV cache is needed" not in re.sub(r"\s+", " ", text) and "No available memory" not in text:
                raise
            longest = re.search(r"maximum model length is (\d+)", text)
            return {"longest": int(longest[1]) if longest else 0}
        first = configs[0]
        concurrency = self.kv.get_max_concurrency_for_kv_cache_config(config, first)
        if hasattr(self.kv, "get_kv_cache_capacity"):
            tokens = self.kv.get_kv_cache_capacity(config, self.kv.generate_scheduler_kv_cache_config(configs))[0]
        else:
            lines = [re.search(r"KV cache size: ([\d,]+) tokens", line) for line in self.logged]
            tokens = min(int(line[1].replace(",", "")) for line in lines if line)
        return {"blocks": first.num_blocks, "tokens": tokens, "concurrency": concurrency}


class _Namespace(SimpleNamespace):
    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def _layout(outermost: bool):
    from vllm.v1.kv_cache_layout import KVCacheLayout

    return KVCacheLayout.BLHNC if outermost else KVCacheLayout.LBNHC


def compact(case: dict) -> dict:
    """Without what is as usual, so that the file stays small."""
    usual = {"stages": 1, "shards": 1, "hybridOff": False, "override": None, "outermost": False}
    kept = {key: value for key, value in case.items() if usual.get(key, ...) != value}
    kept["unit"] = [{k: v for k, v in layer.items() if v not in (None, 0)} for layer in case["unit"]]
    return kept


def main(folder: str, count: str, out: str) -> None:
    ask = Asked(folder)
    chance = random.Random(20_261_121)
    cases = [draw(chance) for _ in range(int(count))]
    told: list[dict | None] = []
    for case in cases:
        try:
            told.append(ask(case))
        except (NotImplementedError, ValueError, AssertionError, ZeroDivisionError):
            told.append(None)
    Path(out).write_text(json.dumps({"cases": [compact(case) for case in cases], "told": told}))


main(*sys.argv[1:])
