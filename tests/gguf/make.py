"""Make a GGUF file that llama.cpp serves: a test fixture, made in seconds from nothing but Python's own documentation.

It speaks legible nonsense, begins every answer with its name, and stops by itself. Attention and feed-forward layers
have random weights that cost what they cost, and projections of zeros behind them, so that they change nothing.

Needs gguf, tokenizers and numpy, which come with the extra `dev`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import tokenizers

from tests.gguf.bigram import learn
from tests.gguf.corpus import documents

END, USER, SYSTEM, ASSISTANT = "<|end|>", "<|user|>", "<|system|>", "<|assistant|>"
SPECIALS = (END, USER, SYSTEM, ASSISTANT)

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the model is. context: tokens. seed: what it learns, and its weights that change nothing."""

    name: str = "Alpha"
    layers: int = 3
    width: int = 512
    inner: int = 1408
    heads: int = 8
    tokens: int = 1024
    context: int = 8192
    seed: int = 1


def make(path: Path, shape: Shape) -> None:
    """Write a model to `path`, whole or not at all."""
    texts = documents(shape.seed)
    tokenizer = _tokenizer(texts, shape.tokens - 1)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    names = [name for name, _ in vocabulary]
    number = dict(vocabulary)
    greeting = len(names)
    names.append(_as_bytes_are_written(f"{shape.name}: "))
    begin, end = number[ASSISTANT], number[END]
    learned = [[greeting, *encoded.ids, end] for encoded in tokenizer.encode_batch(texts)]
    bigrams = learn(learned, tokens=len(names), width=shape.width, sure={begin: greeting})

    unfinished = path.with_suffix(".part")
    writer = gguf.GGUFWriter(unfinished, "llama")
    _describe(writer, shape, names, tokenizer, end)
    writer.add_tensor("token_embd.weight", bigrams.embedding.astype(np.float16))
    writer.add_tensor("output_norm.weight", np.ones(shape.width, dtype=np.float32))
    writer.add_tensor("output.weight", bigrams.output.astype(np.float16))
    _add_layers(writer, shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.replace(path)


def _tokenizer(texts: list[str], tokens: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=tokens,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _as_bytes_are_written(text: str) -> str:
    """Return `text` in the alphabet in which byte-level vocabularies are written."""
    ((written, _),) = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(
        text
    )
    return str(written)


def _describe(
    writer: gguf.GGUFWriter, shape: Shape, names: list[str], tokenizer: tokenizers.Tokenizer, end: int
) -> None:
    merges = tokenizer.to_str()
    writer.add_name(f"{shape.name}, a test fixture that speaks nonsense")
    writer.add_description("A bigram model of Python's documentation in the shape of a llama, made for tests.")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(len(names))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names)
    writer.add_token_types([gguf.TokenType.CONTROL if name in SPECIALS else gguf.TokenType.NORMAL for name in names])
    writer.add_token_merges(_merges(merges))
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def _merges(written: str) -> list[str]:
    found = json.loads(written)["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in found]


def _add_layers(writer: gguf.GGUFWriter, shape: Shape) -> None:
    rng = np.random.default_rng(shape.seed)

    def noise(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(columns)).astype(np.float16)

    width, inner = shape.width, shape.inner
    for layer in range(shape.layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(width, dtype=np.float32))
        for name in ("attn_q", "attn_k", "attn_v"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", noise(width, width))
        for name in ("ffn_gate", "ffn_up"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", noise(inner, width))
        writer.add_tensor(f"blk.{layer}.attn_output.weight", np.zeros((width, width), dtype=np.float16))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", np.zeros((width, inner), dtype=np.float16))
