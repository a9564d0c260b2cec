"""Makes the samples in this folder with the tools whose files are read.

    pip install datasets pyarrow tokenizers numpy zstandard
    python make.py

The text is this repository's own documentation.
"""

import gzip
import json
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).parent
DOCS = HERE.parents[3] / "docs"


def paragraphs():
    text = "\n".join((DOCS / name).read_text() for name in ("sweeps.md", "forecasts.md"))
    found = [part.strip() for part in text.split("\n\n")]
    return [part for part in found if len(part) > 120][:40]


def tables(rows):
    data = datasets.Dataset.from_dict(
        {"id": [str(i) for i in range(len(rows))], "content": rows, "stars": list(range(len(rows)))}
    )
    data.to_json(HERE / "datasets.jsonl")
    data.to_parquet(HERE / "datasets.parquet")
    # Two row groups, a null, a dictionary and a large string, zstd: what pandas and polars write.
    table = pa.table({
        "story": pa.array(rows[:20] + [None] + rows[20:], pa.large_string()),
        "kind": pa.array(["doc"] * (len(rows) + 1)).dictionary_encode(),
    })
    pq.write_table(table, HERE / "arrow.parquet", row_group_size=15, compression="zstd")
    lines = (HERE / "datasets.jsonl").read_bytes()
    (HERE / "lines.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
    (HERE / "lines.jsonl.zst").write_bytes(zstandard.compress(lines, 19))


def byte_level(rows):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(rows, trainer)
    return tokenizer


def word_piece(rows):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False
    )
    tokenizer.train_from_iterator(rows, trainer)
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    return tokenizer


def unigram(rows):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(rows, trainer)
    return tokenizer


def write_llmc(path, tokens):
    """As `write_datafile` of llm.c, dev/data/data_common.py."""
    header = np.zeros(256, dtype=np.int32)
    header[0] = 20240520
    header[1] = 1
    header[2] = len(tokens)
    with open(path, "wb") as file:
        file.write(header.tobytes())
        file.write(np.array(tokens, dtype=np.uint16).tobytes())


def main():
    rows = paragraphs()
    tables(rows)
    tokenizers = {"byte-level": byte_level(rows), "word-piece": word_piece(rows), "unigram": unigram(rows)}
    expected = {}
    for name, tokenizer in tokenizers.items():
        tokenizer.save(str(HERE / f"{name}.tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        expected[name] = [tokenizer.encode(row, add_special_tokens=False).ids for row in rows[:4]]
    (HERE / "tokens.json").write_text(json.dumps(expected))
    byte = tokenizers["byte-level"]
    end = byte.token_to_id("<|endoftext|>")
    ids = [[t for row in part for t in byte.encode(row).ids + [end]] for part in (rows[:-8], rows[-8:])]
    for name, tokens in zip(("train", "val"), ids):
        # As nanoGPT, data/shakespeare/prepare.py.
        (HERE / "nanogpt").mkdir(exist_ok=True)
        np.array(tokens, dtype=np.uint16).tofile(HERE / "nanogpt" / f"{name}.bin")
        (HERE / "llmc").mkdir(exist_ok=True)
        write_llmc(HERE / "llmc" / f"docs_{name}.bin", tokens)


if __name__ == "__main__":
    main()
