"""Facts from config.json: each model with a handful of options, asked of vLLM as it would start on the described card.

    python modelFacts.py CARD MODELS.json NAME,NAME,… OUT.json
"""

import json
import math
import random
import sys
from pathlib import Path

import describedCard

GIB = 2**30
CARDS = {
    "h100": ("NVIDIA H100 80GB HBM3", (9, 0), 85_520_809_984),
    "a100": ("NVIDIA A100-SXM4-80GB", (8, 0), 85_899_345_920),
    "rtx4090": ("NVIDIA GeForce RTX 4090", (8, 9), 25_757_220_864),
}
NAMES = {  # ours → vLLM's
    "maxModelLen": "max_model_len", "maxNumBatchedTokens": "max_num_batched_tokens", "blockSize": "block_size",
    "tensorParallelSize": "tensor_parallel_size", "pipelineParallelSize": "pipeline_parallel_size",
    "kvCacheDtype": "kv_cache_dtype", "enablePrefixCaching": "enable_prefix_caching", "dtype": "dtype",
    "maxNumSeqs": "max_num_seqs", "enableExpertParallel": "enable_expert_parallel",
    "dataParallelSize": "data_parallel_size", "speculativeConfig": "speculative_config",
    "decodeContextParallelSize": "decode_context_parallel_size",
}


def wishes(model: dict, card: str, chance: random.Random) -> list[dict]:
    """Options of one model: chosen ones, then drawn ones."""
    heads = model.get("num_attention_heads") or model.get("n_head") or model.get("n_heads") or 16
    layers = model.get("num_hidden_layers") or model.get("n_layer") or model.get("num_layers") or 32
    tensor = [n for n in (2, 4, 8, 16) if heads % n == 0] or [1]
    if card != "h100":
        return [{}, {"kvCacheDtype": "fp8"}]
    chosen: list[dict] = [
        {},
        {"tensorParallelSize": tensor[-1]},
        {"pipelineParallelSize": 2 if layers < 40 else 4, "maxNumBatchedTokens": 2048},
        {"blockSize": 64, "maxModelLen": "longest"},
        {"kvCacheDtype": "fp8", "tensorParallelSize": tensor[0]},
        {"enablePrefixCaching": False, "maxNumBatchedTokens": 1024},
    ]
    drawn = {
        "maxModelLen": chance.choice([1000, 4096, "longest"]),
        "maxNumBatchedTokens": chance.choice([512, 2048, 5000, 16384]),
        "tensorParallelSize": chance.choice([1, *tensor]),
        "pipelineParallelSize": chance.choice([1, 1, 2, 3]),
        "blockSize": chance.choice([None, None, 16, 32, 128]),
        "kvCacheDtype": chance.choice(["auto", "auto", "fp8", "bfloat16"]),
        "enablePrefixCaching": chance.choice([None, None, False]),
        "enableExpertParallel": chance.choice([None, True]),
    }
    return [*chosen, {key: value for key, value in drawn.items() if value not in (None, "auto", 1)}]


def derived_length(describedModel, model: dict) -> int:
    return describedModel.config_of(model, {}).model_config.max_model_len


def ask(describedModel, answers, model: dict, wish: dict, pool: int, longest: int) -> dict:
    options = {NAMES[key]: value for key, value in wish.items()}
    config = describedModel.config_of(model, options)
    specs = describedModel.specs_of(config)
    with describedModel.set_current_vllm_config(config):
        facts = answers.answer(config, specs, [pool] * len(specs), longest)
    return {
        **facts,
        "blockSize": config.cache_config.block_size,
        "inFlight": config.max_in_flight_tokens,
        "layout": config.cache_config.kv_cache_layout,
    }


def main(card: str, models_file: str, names: str, out: str) -> None:
    describedCard.describe(*CARDS[card])
    import answers
    import describedModel

    models = json.loads(Path(models_file).read_text())
    models = {name: models[name] for name in names.split(",")}
    facts, refused = [], []
    for name, model in models.items():
        chance = random.Random(f"{card} {name}")
        try:
            longest = derived_length(describedModel, model)
        except Exception as reason:  # noqa: BLE001  what can't be driven is reported
            refused.append([name, {}, f"{type(reason).__name__}: {reason}"[:300]])
            continue
        for wish in wishes(model, card, chance):
            length = wish.get("maxModelLen", 8192)
            wish = {**wish, "maxModelLen": longest if length == "longest" else min(length, longest)}
            # Neither a round number nor a multiple of any page.
            pool = math.floor(2 ** chance.uniform(31, 36)) | 1
            try:
                facts.append({"model": name, "card": card, "options": wish, "pool": pool,
                              **ask(describedModel, answers, model, wish, pool, longest)})
            except Exception as reason:  # noqa: BLE001
                refused.append([name, wish, f"{type(reason).__name__}: {reason}"[:300]])
    Path(out).write_text(json.dumps({"facts": facts, "refused": refused}))


main(*sys.argv[1:])
