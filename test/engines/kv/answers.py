"""What vLLM's own KV-cache code says about specs and a pool, as plain numbers."""

from vllm.v1.core import kv_cache_utils as kv


def _group(group) -> list[int]:
    spec = group.kv_cache_spec
    return [len(group.layer_names), spec.block_size, spec.page_size_bytes]


def answer(config, stages: list[dict], pools: list[int], longest: int) -> dict:
    """Blocks, tokens, concurrency, groups, bytes; `fits` false with the longest length where one request doesn't fit.

    `longest` is the length up to which the longest that fits is looked for.
    """
    length = config.model_config.max_model_len
    layers: dict = {name: spec for specs in stages for name, spec in specs.items()}
    if not layers:
        return {"blocks": None}
    retained = max(0, getattr(config, "num_prefill_lookahead_tokens", 0) - 1)
    groups = kv.get_kv_cache_groups(config, _retaining(layers, retained))
    workers = [kv._project_kv_cache_groups_to_worker(groups, specs) for specs in stages]
    per_block = [kv._pool_bytes_per_block(config, own) for own in workers]
    needed = [kv._max_memory_usage_bytes_from_groups(config, own) + per for own, per in zip(workers, per_block)]
    facts = {"groups": sorted(map(_group, groups)), "bytesPerBlock": per_block, "needed": needed}
    config.model_config.max_model_len = longest
    facts["longest"] = min(
        kv._estimate_max_model_len_from_groups(config, own, pool - per)
        for own, pool, per in zip(workers, pools, per_block)
        if pool > per or True
    )
    config.model_config.max_model_len = length
    try:
        configs = kv.get_kv_cache_configs(config, [dict(specs) for specs in stages], list(pools))
    except ValueError as refusal:
        text = str(refusal)
        if "KV cache is needed" not in text.replace("\n", " ") and "No available memory" not in text:
            raise
        return {**facts, "fits": False}
    scheduler = kv.generate_scheduler_kv_cache_config(configs)
    tokens, concurrency = kv.get_kv_cache_capacity(config, scheduler)
    return {**facts, "fits": True, "blocks": scheduler.num_blocks, "tokens": tokens, "concurrency": concurrency}


def _retaining(layers: dict, retained: int) -> dict:
    from dataclasses import replace

    from vllm.v1.kv_cache_interface import SlidingWindowSpec

    return {
        name: replace(spec, extra_retained_tokens=retained) if isinstance(spec, SlidingWindowSpec) else spec
        for name, spec in layers.items()
    }


