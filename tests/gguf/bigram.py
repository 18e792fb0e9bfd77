"""A language model in closed form: what word piece follows which, packed into the matrices of a llama.

The logits that a llama without attention gives after a token are `output @ rms_norm(embedding[token])`. With the
logarithms of the learned bigram probabilities as a matrix L, its singular value decomposition gives embedding and
output whose product is L, as nearly as the width allows. The norm would scale every row differently; one more dimension
pads all rows to the same length, and the output does not look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

FLOOR = 1e-5
"""The probability of what was never seen: rare enough to stay away, finite."""


SURE = 30.0
"""By so much the logit of what is sure stands out: e^-30 is never."""


@dataclass(frozen=True, slots=True)
class Bigrams:
    """embedding, output: one row a token, `width` columns."""

    embedding: Matrix
    output: Matrix


def learn(texts: Sequence[Sequence[int]], *, tokens: int, width: int, sure: dict[int, int]) -> Bigrams:
    """Return the model of `texts`, each a sequence of token numbers.

    sure: which token always follows which, whatever the texts say.
    """
    counts = np.zeros((tokens, tokens))
    for text in texts:
        np.add.at(counts, (text[:-1], text[1:]), 1.0)
    often = counts.sum(axis=1, keepdims=True)
    counts[often[:, 0] == 0] = counts.sum(axis=0)  # what may come at any time
    logs = np.log(counts / counts.sum(axis=1, keepdims=True) + FLOOR)
    logs -= logs.mean(axis=1, keepdims=True)  # a softmax does not see what is added to a whole row
    weights = (1.0 + often) ** 0.25  # what is met often must be right
    rank = width - 1 - len(sure)
    left, right = _factors((logs * weights).astype(np.float32), rank)
    embedding = np.zeros((tokens, width), dtype=np.float32)
    output = np.zeros((tokens, width), dtype=np.float32)
    embedding[:, :rank], output[:, :rank] = left / weights, right
    # What is sure is too sharp for a place among the strongest: each has a column of its own.
    for column, (before, after) in enumerate(sure.items(), rank):
        embedding[before] = 0.0
        embedding[before, column] = output[after, column] = SURE**0.5
    lengths = (embedding**2).sum(axis=1)
    embedding[:, -1] = np.sqrt(lengths.max() - lengths)
    scale = np.sqrt(width / lengths.max())  # the norm then divides by one
    return Bigrams(embedding=embedding * scale, output=output / scale)


def _factors(matrix: Matrix, rank: int) -> tuple[Matrix, Matrix]:
    """Return matrices of `rank` columns whose product, the second transposed, is `matrix` as nearly as it can be.

    By looking at it in random directions (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1): ten times as fast
    as the whole decomposition, and as good for this.
    """
    rng = np.random.default_rng(0)
    seen = matrix @ rng.standard_normal((matrix.shape[1], rank + 32), dtype=np.float32)
    basis, _ = np.linalg.qr(seen)
    back, _ = np.linalg.qr(matrix.T @ basis)
    basis, _ = np.linalg.qr(matrix @ back)
    small = basis.T @ matrix
    values, vectors = np.linalg.eigh(small @ small.T)
    best = np.argsort(values)[::-1][:rank]
    strengths = np.sqrt(np.maximum(values[best], 1e-12))
    left = vectors[:, best]
    right = small.T @ left / strengths
    root = np.sqrt(strengths)
    return (basis @ left) * root, right * root
