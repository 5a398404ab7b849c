"""What vLLM would lay out for a model of which there is nothing but a config.json."""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import describedCard as card
import torch
import vllm.distributed.parallel_state as parallel
from vllm.config import set_current_vllm_config
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.platforms import current_platform
from vllm.usage.usage_lib import UsageContext
from vllm.utils.torch_utils import set_default_torch_dtype
from vllm.v1.attention.backends.utils import get_supported_kv_cache_layouts, resolve_kv_cache_layout
from vllm.v1.worker import workspace
from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec
from vllm.v1.worker.worker_base import get_current_attn_backends


FOLDER = tempfile.TemporaryDirectory()
"""Some models look into their folder again while they are built."""


class Ranks:
    """A group of ranks that only knows its size and place."""

    def __init__(self, size: int, rank: int = 0) -> None:
        self.world_size, self.rank_in_group = size, rank
        self.rank = self.local_rank = rank
        self.ranks = list(range(size))
        self.cpu_group = self.device_group = self
        self.device_communicator = self.mq_broadcaster = None
        self.use_custom_op_call = self.use_device_communicator = False
        self.device = torch.device("meta")
        self.unique_name = "described"

    def size(self) -> int:
        return self.world_size

    first_rank = 0
    last_rank = property(lambda self: self.world_size - 1)
    is_first_rank = property(lambda self: self.rank_in_group == 0)
    is_last_rank = property(lambda self: self.rank_in_group == self.world_size - 1)
    next_rank = property(lambda self: (self.rank_in_group + 1) % self.world_size)
    prev_rank = property(lambda self: (self.rank_in_group - 1) % self.world_size)


# A model asks its group for its own rank.
torch_rank = torch.distributed.get_rank
torch.distributed.get_rank = lambda group=None: group.rank if isinstance(group, Ranks) else 0
torch.distributed.get_world_size = lambda group=None: group.world_size if isinstance(group, Ranks) else 1


if not workspace.is_workspace_manager_initialized():
    workspace.init_workspace_manager(torch.device("meta"))


def take_place(config, stage: int) -> None:
    """First rank of a pipeline stage."""
    p = config.parallel_config
    tp, pp, dp = p.tensor_parallel_size, p.pipeline_parallel_size, p.data_parallel_size
    experts = tp * dp if p.enable_expert_parallel else 1
    parallel._WORLD = Ranks(tp * pp * dp)
    parallel._TP, parallel._PP, parallel._DP = Ranks(tp), Ranks(pp, stage), Ranks(dp)
    parallel._EP = parallel._EPLB = Ranks(experts)
    parallel._DCP, parallel._PCP, parallel._ETP = Ranks(p.decode_context_parallel_size), Ranks(1), Ranks(tp)


def config_of(model: dict, options: dict):
    """vLLM's whole configuration, as `vllm serve` makes it. Options are those of EngineArgs."""
    Path(FOLDER.name, "config.json").write_text(json.dumps(model))
    args = EngineArgs(
        model=FOLDER.name, skip_tokenizer_init=True, load_format="dummy", enforce_eager=True,
        **{"disable_log_stats": True, **options},
    )
    return args.create_engine_config(usage_context=UsageContext.OPENAI_API_SERVER)


def specs_of(config) -> list[dict]:
    """The KV cache of every layer, per pipeline stage. Resolves the block size and the layout on the way."""
    stages, layouts = [], []
    for stage in range(config.parallel_config.pipeline_parallel_size):
        take_place(config, stage)
        config.compilation_config.static_forward_context.clear()
        with (
            contextlib.redirect_stdout(io.StringIO()),
            set_default_torch_dtype(config.model_config.dtype),
            card.OnMeta(), torch.device("meta"), set_current_vllm_config(config),
        ):
            initialize_model(config)
        current_platform.update_block_size_for_backend(config)
        with set_current_vllm_config(config):
            stages.append(get_kv_cache_spec(config))
            layouts.append([x.name for x in get_supported_kv_cache_layouts(get_current_attn_backends(config))])
    with set_current_vllm_config(config):
        resolve_kv_cache_layout(config, layouts, [spec for specs in stages for spec in specs.values()])
    return stages
