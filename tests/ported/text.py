"""Words for the scripts, as numbers: a text in which each word foretells the next, and sentences with translations."""

import numpy as np

PAD, START, END = 0, 1, 2


def corpus(count: int, words: int = 10) -> np.ndarray:
    """A text (count,) int64: a word follows from the one before it, but for one in five, which is any."""
    rng = np.random.default_rng(0)
    follows = rng.permutation(words)
    text = [0]
    for _ in range(count - 1):
        text.append(int(rng.integers(words)) if rng.random() < 0.2 else int(follows[text[-1]]))
    return np.array(text)


def sentences(count: int = 96, longest: int = 4, words: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sentences (count, longest), how long they are (count,), and translations (count, longest + 1), int64.

    A translation is the sentence from its end, each word another one, then ``END``.  ``PAD`` stands behind.
    """
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, longest + 1, count)
    dictionary = END + 1 + rng.permutation(words)
    source, target = np.full((count, longest), PAD), np.full((count, longest + 1), PAD)
    for n, length in enumerate(lengths):
        sentence = rng.integers(0, words, length)
        source[n, :length] = END + 1 + sentence
        target[n, :length] = dictionary[sentence[::-1]]
        target[n, length] = END
    return source, lengths, target
