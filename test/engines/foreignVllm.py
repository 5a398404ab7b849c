"""Imports the Python code of any vLLM release with this environment's packages, as if on a machine with NVIDIA cards.

What a release wants and this environment lacks is replaced by empty stand-ins: compiled kernels, packages, names that
other packages have dropped since. A stand-in that turns out to be missing only half-way through an import can't be put
in place then (torch registers operators once per process), so the process starts itself again with a longer list.

    import foreignVllm; foreignVllm.prepare("FOLDER WITH vllm/")
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import sys
import types

GIB = 2**30
LIST = "FOREIGN_VLLM_STANDINS"
MOST_STANDINS = 40
# Packages that releases up to 0.19 and 0.33 import; known beforehand, each saves a start.
OFTEN_MISSING = ["gguf", "diskcache", "interegular", "orjson"]
# Compiled parts that are bound to torch's ABI or to CUDA; never taken from any release.
KERNELS = re.compile(r"vllm\.(_\w*C(_\w+)?|_qutlass_C|cumem_allocator|vllm_flash_attn|third_party\.flashmla)(\.|$)")

standins: list[str] = json.loads(os.environ.get(LIST, "[]"))
"""`package`, or `package.module:name`; what was really asked for is in `used`."""
used: set[str] = set()


class _AnyMembers(type):
    """Classes that have whatever member is asked for: releases list members of enumerations at import."""

    def __getattr__(cls, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        value = _standin_class(name)
        setattr(cls, name, value)
        return value


def _standin_class(name: str) -> type:
    return _AnyMembers(name, (), {})


class _Standin(types.ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _standin_class(name)
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        wanted = KERNELS.match(name) or any(
            name == one or name.startswith(one + ".") for one in standins
        )
        if not wanted:
            return None
        if not KERNELS.match(name):
            used.add(name.split(".")[0])
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return _Standin(spec.name)

    def exec_module(self, module):
        pass


def prepare(folder: str) -> None:
    """Call before anything imports vllm. `folder` holds the package; an empty string means the installed one."""
    if folder:
        if not os.path.isfile(os.path.join(folder, "vllm", "__init__.py")):
            raise FileNotFoundError(f"{folder} holds no vllm")  # the installed one would answer instead
        sys.path.insert(0, folder)
    for name in OFTEN_MISSING:
        if name not in standins and importlib.util.find_spec(name) is None:
            standins.append(name)
    sys.meta_path.insert(0, _Finder())
    for name in list(standins):
        if ":" in name:
            module, attribute = name.split(":")
            try:
                setattr(importlib.import_module(module), attribute, _standin_class(attribute))
                used.add(name)
            except ModuleNotFoundError:  # the release had put a placeholder there
                standins.append(module)
    _tolerate_missing_operators()
    _tolerate_known_configs()


def _tolerate_missing_operators() -> None:
    """Releases ask `torch.ops._C` at import what the kernels can do: nothing, the answer is."""
    import torch

    real_get = torch._ops._OpNamespace.__getattr__
    real_fake = torch.library.register_fake

    def get(namespace, name):
        try:
            return real_get(namespace, name)
        except AttributeError:
            if namespace.name == "vllm" or namespace.name.startswith(("_C", "_moe_C", "_rocm_C")):
                return lambda *arguments, **keywords: False
            raise

    def register_fake(operator, func=None, /, **keywords):
        if isinstance(operator, str) and operator.startswith(("_C", "_moe_C", "_rocm_C", "_qutlass")):
            return (lambda same: same) if func is None else func
        return real_fake(operator, func, **keywords)

    torch._ops._OpNamespace.__getattr__ = get
    torch.library.register_fake = register_fake


def _tolerate_known_configs() -> None:
    """Older releases bring configs of models that transformers has learned since."""
    from transformers.models.auto import configuration_auto

    real = configuration_auto._LazyConfigMapping.register
    configuration_auto._LazyConfigMapping.register = lambda self, key, value, exist_ok=False: real(
        self, key, value, exist_ok=True
    )


def importing(body):
    """Runs `body`; where it fails for want of a module or a name, starts this program again with a stand-in for it."""
    try:
        return body()
    except ModuleNotFoundError as error:
        missing = error.name
    except ImportError as error:
        found = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
        missing = found and not found[2].startswith("vllm") and f"{found[2]}:{found[1]}"
        if not missing:
            raise
    if not missing or missing in standins or len(standins) >= MOST_STANDINS:
        raise ImportError(f"no stand-in helps for {missing}")
    os.environ[LIST] = json.dumps([*standins, missing])
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.argv])


def pretend_card(name: str, memory_gib: float, capability: list[int]) -> None:
    """From now on `current_platform` is CUDA with this card, in every module of vLLM that holds it."""
    import vllm.platforms as platforms
    from vllm.platforms.cuda import NonNvmlCudaPlatform
    from vllm.platforms.interface import DeviceCapability

    class Card(NonNvmlCudaPlatform):
        @classmethod
        def get_device_name(cls, device_id: int = 0) -> str:
            return name

        @classmethod
        def get_device_total_memory(cls, device_id: int = 0) -> int:
            return int(memory_gib * GIB)

        @classmethod
        def get_device_capability(cls, device_id: int = 0):
            return DeviceCapability(*capability)

        @classmethod
        def device_count(cls) -> int:
            return 8

        @classmethod
        def has_device_capability(cls, wanted, device_id: int = 0) -> bool:
            asked = wanted if isinstance(wanted, tuple) else divmod(wanted, 10)
            return tuple(capability) >= asked

    platforms._current_platform = Card()
    for module in list(sys.modules.values()):
        if not module.__name__.startswith("vllm."):
            continue
        if "current_platform" in vars(module):
            module.current_platform = platforms._current_platform
        if "cuda_device_count_stateless" in vars(module):  # up to 0.11
            module.cuda_device_count_stateless = Card.device_count
    # CUDA builds bring Triton; without it the choice of the model runner would be another.
    config = sys.modules.get("vllm.config.vllm")
    if config is not None and "HAS_TRITON" in vars(config):
        config.HAS_TRITON = True
