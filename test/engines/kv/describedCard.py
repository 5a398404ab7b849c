"""Lets vLLM's CPU wheel take a machine without a GPU for one with the card described here.

Only sizes are asked of it: configurations are resolved and models are built without memory (torch's meta device), so
that every layer can tell its KV cache. No kernel runs. What a CUDA build has and this one lacks (operators, streams,
cutlass, torchvision, Triton) is replaced by stand-ins that are asked for their existence and nothing else.
Import this module before anything of vLLM.
"""

import importlib.abc
import importlib.machinery
import os
import sys
import types

os.environ.update(
    HF_HUB_OFFLINE="1",
    OMP_NUM_THREADS="1",
    VLLM_LOGGING_LEVEL="CRITICAL",
    VLLM_NO_USAGE_STATS="1",
    VLLM_CACHE_ROOT=os.environ.get("VLLM_CACHE_ROOT", "/tmp/vram-pilot-kv-facts"),
)

import torch  # noqa: E402
from torch.overrides import TorchFunctionMode  # noqa: E402

GIB = 2**30


class StandIn:
    """Stands for a function, class or constant that is named but never used for its work."""

    def __init__(self, name: str = "standIn", *_: object, **__: object) -> None:
        self.__name__ = self.__qualname__ = str(name)

    def __call__(self, *given: object, **_: object) -> object:
        # As a decorator it hands back what it decorates.
        return given[0] if len(given) == 1 and callable(given[0]) else StandIn()

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name)

    def __getitem__(self, _: object) -> object:
        return StandIn()

    def __mro_entries__(self, _: object) -> tuple[type, ...]:
        return (object,)

    def __or__(self, _: object) -> object:
        return self

    __ror__ = __or__


class StandInType(type):
    def __getattr__(cls, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return StandIn(name)


class StandInModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Packages that models import at the top and this installation does without."""

    NAMES = ("cutlass", "cuda", "torchvision")

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name.split(".")[0] not in self.NAMES:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        module.__path__ = []  # type: ignore[attr-defined]
        module.__version__ = "1.0"  # type: ignore[attr-defined]
        module.__getattr__ = _stand_in_for  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        return None


def _stand_in_for(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    # A type, as far as isinstance() is concerned.
    return StandInType(name, (StandIn,), {}) if name[0].isupper() else StandIn(name)


class OnMeta(TorchFunctionMode):
    """Every tensor is made without memory, whatever device is asked for."""

    def __torch_function__(self, func, types_, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if args and isinstance(args[0], torch.Tensor):
            if name in ("cuda", "pin_memory"):
                return args[0]
            if name == "item":
                return 1.0
            if name == "to":
                args = tuple("meta" if isinstance(a, (str, torch.device)) else a for a in args)
        if kwargs.get("device") is not None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def describe(name: str, capability: tuple[int, int], total_bytes: int) -> None:
    """Makes this card vLLM's platform."""
    import xgrammar  # noqa: F401  looks for the real `cuda` package once

    sys.meta_path.append(StandInModules())
    for module in (
        "vllm._C_stable_libtorch",
        "vllm.vllm_flash_attn._vllm_fa2_C",
        "vllm.vllm_flash_attn._vllm_fa3_C",
    ):
        sys.modules[module] = types.ModuleType(module)

    import vllm.platforms as platforms
    from vllm.platforms.cuda import NonNvmlCudaPlatform
    from vllm.platforms.interface import DeviceCapability

    class DescribedCard(NonNvmlCudaPlatform):
        @classmethod
        def get_device_capability(cls, device_id: int = 0) -> DeviceCapability:
            return DeviceCapability(*capability)

        @classmethod
        def has_device_capability(cls, wanted, device_id: int = 0) -> bool:  # type: ignore[no-untyped-def]
            own = DeviceCapability(*capability)
            return tuple(own) >= wanted if isinstance(wanted, tuple) else own.to_int() >= wanted

        @classmethod
        def get_device_name(cls, device_id: int = 0) -> str:
            return name

        @classmethod
        def get_device_total_memory(cls, device_id: int = 0) -> int:
            return total_bytes

        @classmethod
        def device_count(cls) -> int:
            return 64

        @classmethod
        def num_compute_units(cls, device_id: int = 0) -> int:
            return 132

        @classmethod
        def import_kernels(cls) -> None:
            return None

        @classmethod
        def get_cuda_runtime_major(cls) -> int:
            return 13

        @classmethod
        def is_integrated_gpu(cls, device_id: int = 0) -> bool:
            return False

    platforms._current_platform = DescribedCard()
    _stand_in_for_cuda(capability, total_bytes)


def _stand_in_for_cuda(capability: tuple[int, int], total_bytes: int) -> None:
    properties = types.SimpleNamespace(
        name="described", major=capability[0], minor=capability[1], total_memory=total_bytes,
        multi_processor_count=132, L2_cache_size=50 * 2**20, shared_memory_per_block_optin=232448,
    )
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_properties = lambda *_: properties
    torch.cuda.get_device_capability = lambda *_: capability
    torch.cuda.Stream = torch.cuda.Event = StandIn  # type: ignore[misc]
    torch.cuda.current_stream = lambda *_: StandIn()
    torch.cuda.is_available = lambda: True
    torch.Stream = torch.Event = StandIn  # type: ignore[misc]

    import vllm._custom_ops as operators

    for name in dir(operators):
        if "support" in name and callable(getattr(operators, name)):
            setattr(operators, name, lambda *_, **__: True)

    from vllm.triton_utils import triton

    # Kernels list their tunings at import.
    triton.Config = lambda values=None, **more: types.SimpleNamespace(
        **{"kwargs": values or {}, "num_stages": 2, "num_warps": 4, **more}
    )

    namespace = torch._ops._OpNamespace
    known = namespace.__getattr__

    def operator(self, name: str):  # type: ignore[no-untyped-def]
        try:
            return known(self, name)
        except AttributeError:
            if name.startswith("__") or not self.name.startswith(("_C", "_moe_C", "_vllm_fa", "_flashmla")):
                raise
            return StandIn(name)

    namespace.__getattr__ = operator

    import vllm.config.vllm as configuration
    import vllm.utils.deep_gemm as deep_gemm
    import vllm.vllm_flash_attn.flash_attn_interface as flash_attention
    from vllm.model_executor.models import registry

    configuration.HAS_TRITON = True
    deep_gemm.has_deep_gemm = lambda: True
    supported = {2, 4} | ({3} if capability[0] == 9 else set())
    flash_attention.is_fa_version_supported = lambda version, *_: version in supported
    # In a process of its own an architecture takes ten seconds to be looked at.
    registry._LazyRegisteredModel.inspect_model_cls = (
        lambda self: registry._ModelInfo.from_model_cls(self.load_model_cls())
    )
