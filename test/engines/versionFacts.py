"""What one vLLM release takes and assumes: its real `vllm serve` parser and its real defaults, for NVIDIA cards.

    python versionFacts.py FOLDER CASES.json FACTS.json      (FOLDER "": the installed release)

CASES.json: { models: { name: config.json }, cards: { name: [device name, GiB, [major, minor]] },
cases: [{ id, model, card, usage, options }] } with options in the planner's words.
Everything is asked of the release's own code: the parser is built, the engine configuration is created.
"""

import argparse
import dataclasses
import json
import logging
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import get_args

import foreignVllm

def main() -> None:
    folder, cases_file, facts_file = sys.argv[1:4]
    wanted = json.loads(Path(cases_file).read_text())
    os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", VLLM_LOGGING_LEVEL="ERROR")
    with tempfile.TemporaryDirectory() as scratch:
        # Releases cache what they found out about model classes; they must not read each other's.
        os.environ["VLLM_CACHE_ROOT"] = scratch
        foreignVllm.prepare(folder)
        parser = foreignVllm.importing(lambda: serve_parser(wanted["cards"]["L4"]))
        facts = {
            "flags": flags_of(parser),
            "lists": foreignVllm.importing(open_lists),
            "cases": foreignVllm.importing(lambda: resolve_cases(wanted, Path(scratch))),
        }
        facts["standIns"] = sorted(foreignVllm.used)
    Path(facts_file).write_text(json.dumps(facts))


def serve_parser(card: list) -> argparse.ArgumentParser:
    foreignVllm.pretend_card(*card)
    try:
        from vllm.utils.argparse_utils import FlexibleArgumentParser
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("vllm"):
            raise
        from vllm.utils import FlexibleArgumentParser  # up to 0.11
    from vllm.entrypoints.cli.serve import ServeSubcommand

    return ServeSubcommand().subparser_init(FlexibleArgumentParser().add_subparsers())


def flags_of(parser: argparse.ArgumentParser) -> dict[str, dict]:
    """By the first long name of each option; all that the parser takes for it besides `--no-NAME` is an alias."""
    accepted: dict[int, list[str]] = {}
    for text, action in parser._option_string_actions.items():
        accepted.setdefault(id(action), []).append(text)
    flags = {}
    for action in parser._actions:
        names = [name for name in action.option_strings if re.match("--(?!no-)", name)]
        if not names or action.dest == "help":
            continue
        name, negation = names[0], "--no-" + names[0][2:]
        texts = accepted[id(action)]
        facts: dict = {"kind": "switch" if negation in texts else kind_of(action)}
        aliases = sorted({*texts} - {name, negation})
        if aliases:
            facts["aliases"] = aliases
        if action.choices:
            facts["choices"] = [plain(choice) for choice in action.choices]
        if action.nargs in ("+", "*", "?"):
            facts["values"] = action.nargs
        if action.default is not None:
            facts["default"] = plain(action.default)
        flags[name] = facts
    return flags


def kind_of(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "bare"  # without a --no- form
    if action.choices:
        return "choice"
    read = action.type
    if read is None or read is str:
        return "text"

    def result(text: str):
        try:
            return read(text)
        except Exception:
            return ValueError

    takes_words = result("word") == "word"
    if isinstance(result('{"a": 1}'), dict):
        return "jsonOrText" if takes_words else "json"
    if takes_words:
        return "text"
    if result("0.5") == 0.5:
        return "number"
    if result("8k") == 8000:
        return "humanCountOrAuto" if result("auto") is not ValueError else "humanCount"
    return "count" if result("7") == 7 else "other"


def plain(value):
    """As JSON would write it; what isn't plain data is told by its type alone (its text may hold addresses)."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "value") and isinstance(value.value, str):
        return value.value
    return f"<{type(value).__name__}>"


def open_lists() -> dict[str, list[str]]:
    """Words that the parser may take as plain text and the engine looks up later."""
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

    return {
        "quantization": sorted(QUANTIZATION_METHODS),
        "loadFormats": sorted(load_formats()),
        "kvCacheDtypes": kv_cache_dtypes(),
        "toolParsers": sorted(tool_parsers()),
    }


def load_formats() -> list[str]:
    import vllm.config as config
    import vllm.model_executor.model_loader as loader

    by_name = getattr(loader, "_LOAD_FORMAT_TO_MODEL_LOADER", None)
    if by_name is not None:
        return list(by_name)
    return [one.value for one in config.LoadFormat]  # up to 0.9.1


def kv_cache_dtypes() -> list[str]:
    try:
        from vllm.config.cache import CacheDType
    except ImportError:  # up to 0.10.1
        from vllm.config import CacheDType
    return [str(one) for one in get_args(CacheDType)]


def tool_parsers() -> list[str]:
    try:
        from vllm.tool_parsers import ToolParserManager
    except ImportError:  # up to 0.13
        from vllm.entrypoints.openai.tool_parsers import ToolParserManager
    registered = getattr(ToolParserManager, "list_registered", None)
    return registered() if registered else list(ToolParserManager.tool_parsers)


def resolve_cases(wanted: dict, scratch: Path) -> dict[str, dict]:
    """What `vllm serve` with these arguments would run with; `error` where the release refuses."""
    import vllm.model_executor.models.registry as registry
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    # In this process, where the stand-ins are.
    registry._run_in_subprocess = run_here
    logging.disable(logging.ERROR)
    for name, config in wanted["models"].items():
        (scratch / name).mkdir()
        (scratch / name / "config.json").write_text(json.dumps(config))
    resolved = {}
    known = {field.name for field in dataclasses.fields(AsyncEngineArgs)}
    for case in wanted["cases"]:
        foreignVllm.pretend_card(*wanted["cards"][case["card"]])
        os.environ.pop("VLLM_USE_V1", None)  # releases up to 0.10 leave their choice there
        try:
            args = AsyncEngineArgs(
                model=str(scratch / case["model"]),
                skip_tokenizer_init=True,
                **engine_words(case["options"], known),
            )
            resolved[case["id"]] = settled(args.create_engine_config(UsageContext[case["usage"]]))
        except Exception as error:
            resolved[case["id"]] = {"error": reason_of(error)}
    return resolved


def run_here(body):
    try:
        return body()
    except Exception as error:
        print(f"a model class can't be imported: {error!r}", file=sys.stderr)
        raise


def reason_of(error: Exception) -> str:
    """Pydantic wraps the sentence that matters."""
    text = str(error).strip()
    found = re.search(r"Value error, (.+)", text)
    return (found[1] if found else text.splitlines()[0])[:120]


def engine_words(options: dict, known: set[str]) -> dict:
    """maxNumSeqs → max_num_seqs."""
    words = {re.sub("[A-Z]", lambda found: "_" + found[0].lower(), key): options[key] for key in options}
    if "max_cudagraph_capture_size" in words and "max_cudagraph_capture_size" not in known:
        words["cuda_graph_sizes"] = [words.pop("max_cudagraph_capture_size")]  # up to 0.11.0
    return words


def settled(config) -> dict:
    import vllm.envs as envs

    scheduler, cache, graphs = config.scheduler_config, config.cache_config, config.compilation_config
    is_v1 = getattr(envs, "VLLM_USE_V1", True)
    sizes = graphs.cudagraph_capture_sizes or []
    mode = getattr(graphs, "cudagraph_mode", None)
    return {
        "engine": "v1" if is_v1 else "v0",
        "maxNumSeqs": scheduler.max_num_seqs,
        "maxNumBatchedTokens": scheduler.max_num_batched_tokens,
        "chunkedPrefill": bool(
            getattr(scheduler, "enable_chunked_prefill", None)
            or getattr(scheduler, "chunked_prefill_enabled", False)
        ),
        "asyncScheduling": bool(getattr(scheduler, "async_scheduling", False)),
        "prefixCaching": bool(cache.enable_prefix_caching),
        "blockSize": cache.block_size,
        "utilization": cache.gpu_memory_utilization,
        "kvCacheDtype": plain(cache.cache_dtype),
        "graphMode": mode.name if mode is not None else None,
        "captureSizes": len(sizes),
        "largestCapture": max(sizes, default=0),
        "maxModelLen": config.model_config.max_model_len,
    }


main()
