"""Makes model folders small enough for any test: two layers, random weights, a real tokenizer (0.5 MB each).

    python tinyModels.py FOLDER        makes FOLDER/tiny-qwen3 and FOLDER/tiny-llama

One token of KV cache takes 512 bytes: 2 layers x 2 (K and V) x 2 KV heads x 32 wide x 2 bytes.
Needs numpy and tokenizers, which vLLM brings along.
"""

import json
import random
import struct
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, FEED_FORWARD = 64, 2, 4, 2, 32, 128
VOCABULARY = 1024
LONGEST = 2048
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

ARCHITECTURES = {
    "tiny-qwen3": ("Qwen3ForCausalLM", "qwen3"),
    "tiny-llama": ("LlamaForCausalLM", "llama"),
}


def write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=1) + "\n")


def write_tokenizer(folder: Path) -> dict[str, int]:
    """Trains a byte-level tokenizer on made-up words; ids of the special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=4)) for _ in range(3000)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = {token: tokenizer.token_to_id(token) for token in (PAD, START, END)}
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": None,
            "eos_token": END,
            "pad_token": PAD,
            "unk_token": None,
            "model_max_length": LONGEST,
            "clean_up_tokenization_spaces": False,
            "added_tokens_decoder": {str(i): {"content": token, **flags} for token, i in ids.items()},
            "chat_template": CHAT_TEMPLATE,
        },
    )
    return ids


def write_config(folder: Path, architecture: str, model_type: str, ids: dict[str, int]) -> None:
    write_json(
        folder / "config.json",
        {
            "architectures": [architecture],
            "model_type": model_type,
            "hidden_size": HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": HEAD_DIM,
            "intermediate_size": FEED_FORWARD,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": LONGEST,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "attention_bias": False,
            "torch_dtype": "bfloat16",
            "bos_token_id": ids[PAD],
            "eos_token_id": ids[END],
            "use_cache": True,
        },
    )
    write_json(folder / "generation_config.json", {"eos_token_id": ids[END], "temperature": 0.7})


def tensor_shapes(model_type: str) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (VOCABULARY, HIDDEN),
        "lm_head.weight": (VOCABULARY, HIDDEN),
        "model.norm.weight": (HIDDEN,),
    }
    for layer in range(LAYERS):
        attention = f"model.layers.{layer}.self_attn"
        mlp = f"model.layers.{layer}.mlp"
        shapes |= {
            f"{attention}.q_proj.weight": (HEADS * HEAD_DIM, HIDDEN),
            f"{attention}.k_proj.weight": (KV_HEADS * HEAD_DIM, HIDDEN),
            f"{attention}.v_proj.weight": (KV_HEADS * HEAD_DIM, HIDDEN),
            f"{attention}.o_proj.weight": (HIDDEN, HEADS * HEAD_DIM),
            f"{mlp}.gate_proj.weight": (FEED_FORWARD, HIDDEN),
            f"{mlp}.up_proj.weight": (FEED_FORWARD, HIDDEN),
            f"{mlp}.down_proj.weight": (HIDDEN, FEED_FORWARD),
            f"model.layers.{layer}.input_layernorm.weight": (HIDDEN,),
            f"model.layers.{layer}.post_attention_layernorm.weight": (HIDDEN,),
        }
        if model_type == "qwen3":
            shapes |= {f"{attention}.q_norm.weight": (HEAD_DIM,), f"{attention}.k_norm.weight": (HEAD_DIM,)}
    return shapes


def bfloat16(values: np.ndarray) -> bytes:
    """Rounds to nearest even, as numpy has no bfloat16."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16).tobytes()


def write_weights(file: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """The safetensors format by hand: length of the header, header, tensors back to back."""
    chance = np.random.default_rng(0)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = bytearray()
    for name, shape in shapes.items():
        is_norm = len(shape) == 1
        data = bfloat16(np.ones(shape) if is_norm else chance.standard_normal(shape) * 0.05)
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)


def main(target: Path) -> None:
    for name, (architecture, model_type) in ARCHITECTURES.items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        ids = write_tokenizer(folder)
        write_config(folder, architecture, model_type, ids)
        write_weights(folder / "model.safetensors", tensor_shapes(model_type))
        print(folder)


main(Path(sys.argv[1]))
