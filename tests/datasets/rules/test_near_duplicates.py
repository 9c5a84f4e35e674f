"""Near-duplicate pictures and texts."""

import io
from pathlib import Path

import imagehash
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from flickr_emotion.datasets.rules import near_duplicates
from flickr_emotion.datasets.rules.near_duplicates import (
    PICTURE_BITS,
    SIGNATURE_BYTES,
    TEXT_AGREEMENT,
    components,
    near_pictures,
    near_texts,
    picture_hash,
    text_signature,
)
from flickr_emotion.datasets.rules.text import post_text, words

GOLDEN = (
    "c788ffd5fcfceea77077f6d712dcb9aaeab748c7cf03a0cba70d9f12fa77e7bf"
    "6552afd25905452cd766d2b46157692db26cce2853243a198e54fc6a0b5d4277"
)
SENTENCE = words(
    "we walked along the river in the early morning and saw a grey heron that stood without "
    "moving until our dog barked once and it flew slowly over to the other bank"
)


def scene(seed: int, size: tuple[int, int] = (341, 256)) -> Image.Image:
    """Return a picture with large and small shapes, as photographs have."""
    coarse = np.random.default_rng(seed).integers(256, size=(7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def reencoded(picture: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return Image.open(io.BytesIO(data.getvalue()))


def distance(one: Image.Image, other: Image.Image) -> int:
    return (hash_of(one) ^ hash_of(other)).bit_count()


def hash_of(picture: Image.Image) -> int:
    """The hash of a picture that is not flat."""
    found = picture_hash(picture)
    assert found is not None
    return found


def hashes_of(values: list[int]) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


def signatures_of(texts: list[list[str]]) -> npt.NDArray[np.uint8]:
    joined = b"".join(text_signature(text) for text in texts)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, SIGNATURE_BYTES)


def groups(labels: npt.NDArray[np.int32]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


class TestPictureHash:
    @pytest.mark.parametrize("seed", range(20))
    def test_a_slightly_changed_picture_has_a_near_hash(self, seed: int) -> None:
        picture = scene(seed)
        assert distance(picture, reencoded(picture, 40)) <= PICTURE_BITS
        assert distance(picture, picture.resize((512, 384))) <= PICTURE_BITS
        assert distance(picture, reencoded(picture.resize((170, 128)), 75)) <= PICTURE_BITS
        assert distance(picture, ImageEnhance.Brightness(picture).enhance(0.8)) <= PICTURE_BITS

    def test_different_pictures_have_distant_hashes(self) -> None:
        hashes = [hash_of(scene(seed)) for seed in range(60)]
        nearest = min(
            (one ^ other).bit_count() for i, one in enumerate(hashes) for other in hashes[:i]
        )
        assert nearest > PICTURE_BITS

    @pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "I"])
    @pytest.mark.parametrize("size", [(30, 20), (3, 700), (341, 256)])
    def test_any_mode_and_size(self, mode: str, size: tuple[int, int]) -> None:
        assert 0 <= hash_of(scene(1, size).convert(mode)) < 2**64

    @pytest.mark.parametrize(
        "size", [(32, 32), (127, 90), (255, 255), (300, 256), (500, 384), (200, 900)]
    )
    def test_it_is_phash(self, size: tuple[int, int]) -> None:
        picture = scene(3, size)
        smaller = picture.reduce(max(1, min(size) // 128))
        assert f"{hash_of(picture):016x}" == str(imagehash.phash(smaller))


def jpeg_of(values: npt.NDArray[np.float64]) -> Image.Image:
    """A grey photograph of these values (H, W)."""
    return reencoded(Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB"), 90)


class TestFlatPictures:
    """Fog, a white wall, an empty slide: their bits are chance, and many have the same ones."""

    @pytest.mark.parametrize("colour", [(20, 20, 20), (200, 30, 30), (255, 255, 255)])
    @pytest.mark.parametrize("size", [(1, 1), (300, 200)])
    def test_one_colour(self, colour: tuple[int, int, int], size: tuple[int, int]) -> None:
        assert picture_hash(Image.new("RGB", size, colour)) is None

    @pytest.mark.parametrize("span", [1, 3, 8, 20, 50])
    @pytest.mark.parametrize("noise", [0, 3])
    def test_fog(self, span: int, noise: int) -> None:
        falling = np.linspace(200 + span, 200, 300)[:, None] * np.ones(400)
        grain = np.random.default_rng(span).normal(0, noise, falling.shape)
        assert picture_hash(jpeg_of(falling + grain)) is None

    def test_a_slide_with_a_line_of_text_has_one(self) -> None:
        slide = Image.new("RGB", (960, 720), "white")
        ImageDraw.Draw(slide).text((60, 60), "Results of the second year", "black", font_size=36)
        assert picture_hash(reencoded(slide, 90)) is not None


class TestTextSignature:
    @given(st.integers(0, len(SENTENCE) - 1), st.text("abcdefghij", min_size=12, max_size=14))
    def test_an_edited_word(self, place: int, word: str) -> None:
        edited = [*SENTENCE[:place], word, *SENTENCE[place + 1 :]]
        one, other = near_texts(signatures_of([SENTENCE, edited, ["another", "text"]]))
        assert set(zip(one.tolist(), other.tolist(), strict=True)) == {(0, 1)}

    @given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=20))
    def test_the_set_of_words_decides(self, text: list[str]) -> None:
        assert text_signature(text) == text_signature([*reversed(text), text[0]])
        assert len(text_signature(text)) == SIGNATURE_BYTES

    @given(st.integers(1, 40), st.integers(0, 40))
    @settings(max_examples=200)
    def test_it_estimates_the_jaccard_index(self, shared: int, apart: int) -> None:
        one = [f"shared{n}" for n in range(shared)] + [f"one{n}" for n in range(apart)]
        other = [f"shared{n}" for n in range(shared)] + [f"other{n}" for n in range(apart)]
        agree = np.mean(signatures_of([one])[0] == signatures_of([other])[0])
        # 4.5 standard deviations of the mean of 64 draws.
        assert abs(agree - shared / (shared + 2 * apart)) < 4.5 * 0.5 / 8

    def test_boilerplate_alone_joins_nothing(self) -> None:
        licence = words("all rights reserved please do not use this without my permission")
        texts = [
            f"{name} in {month} seen from the {place}".split() + licence
            for name, month, place in [
                ("lighthouse", "may", "pier"),
                ("heron", "june", "bridge"),
                ("market", "august", "tower"),
            ]
        ]
        assert not len(near_texts(signatures_of(texts))[0])

    def test_it_does_not_change_with_the_library(self) -> None:
        # Signatures of different versions must not be compared: a new one needs a new format.
        assert text_signature(["one", "two"]).hex() == GOLDEN


class TestNearPictures:
    @given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.data())
    def test_the_groups_are_those_of_all_pairs(self, base: list[int], data: st.DataObject) -> None:
        values = list(base)
        for value in base[:10]:
            flips = data.draw(st.lists(st.integers(0, 63), max_size=PICTURE_BITS + 2, unique=True))
            values.append(value ^ sum(1 << bit for bit in flips))
        edges = near_pictures(hashes_of(values))
        assert groups(components(len(values), edges)) == near_by_brute_force(values)

    def test_many_identical_pictures_cost_nothing(self) -> None:
        edges = near_pictures(hashes_of([5] * 100_000))
        assert len(edges[0]) == 99_999
        assert len(groups(components(100_000, edges))) == 1

    def test_many_near_duplicate_pictures(self) -> None:
        edges = near_pictures(np.arange(3000, dtype=np.uint64))
        assert len(groups(components(3000, edges))) == 1
        # Memory stays in proportion to the pictures, although 4 million pairs are near.
        assert len(edges[0]) < 3 * 3000

    def test_six_bits_are_found_among_many_and_seven_are_not(self) -> None:
        """Two bytes are equal, and the others put both far apart in the order of the hashes."""
        hashes = np.random.default_rng(5).integers(1 << 64, size=100_000, dtype=np.uint64)
        six = sum(0x80 << 8 * byte for byte in range(2, 8))
        hashes[1], hashes[3] = hashes[[0, 2]] ^ np.array([six, six | 1 << 62], dtype=np.uint64)
        one, other = near_pictures(hashes)
        assert {frozenset(pair) for pair in zip(one.tolist(), other.tolist(), strict=True)} == {
            frozenset({0, 1})
        }

    def test_nothing(self) -> None:
        edges = near_pictures(hashes_of([]))
        assert components(0, edges).tolist() == []

    @pytest.mark.slow
    def test_real_pictures(self, shared_data: Path) -> None:
        pictures = pq.read_table(shared_data / "mvsa.parquet", columns=["image"])["image"]
        found = [picture_hash(Image.open(io.BytesIO(data.as_py()))) for data in pictures]
        values = [value for value in found if value is not None]
        assert len(found) - len(values) == 2  # a black one, and one in purple
        edges = near_pictures(hashes_of(values))
        assert groups(components(len(values), edges)) == near_by_brute_force(values)
        doubled = [g for g in groups(components(len(values), edges)) if len(g) > 1]
        assert sum(map(len, doubled)) == 237


def near_by_brute_force(values: list[int]) -> set[frozenset[int]]:
    array = hashes_of(values)
    pairs = [
        (i, int(j))
        for i in range(len(values))
        for j in np.flatnonzero(np.bitwise_count(array[i] ^ array) <= PICTURE_BITS)
    ]
    one = np.array([i for i, _ in pairs], dtype=np.int64)
    other = np.array([j for _, j in pairs], dtype=np.int64)
    return groups(components(len(values), (one, other)))


class TestNearTexts:
    @given(st.lists(st.integers(0, 63), max_size=24, unique=True))
    def test_the_limit(self, changed: list[int]) -> None:
        signatures = np.zeros((2, SIGNATURE_BYTES), dtype=np.uint8)
        signatures[1, changed] = 1
        near = bool(len(near_texts(signatures)[0]))
        touched = {place // 4 for place in changed}
        assert near == (len(changed) <= SIGNATURE_BYTES - TEXT_AGREEMENT and len(touched) < 16)

    def test_planted_ones_are_found_among_many(self) -> None:
        random = np.random.default_rng(3)
        signatures = random.integers(256, size=(20_000, SIGNATURE_BYTES), dtype=np.uint8)
        # Words that unrelated texts share make large buckets.
        signatures[:, :4] = 0
        signatures[10_000:] = signatures[:10_000]
        edited = random.random((10_000, SIGNATURE_BYTES)).argsort(axis=1)[:, :8]
        np.put_along_axis(signatures[10_000:], edited, 255, axis=1)
        labels = components(20_000, near_texts(signatures))
        assert np.mean(labels[:10_000] == labels[10_000:]) > 0.99
        assert len(set(labels.tolist())) >= 10_000

    def test_many_identical_texts(self) -> None:
        edges = near_texts(np.full((50_000, SIGNATURE_BYTES), 9, dtype=np.uint8))
        assert len(edges[0]) == 49_999
        assert len(groups(components(50_000, edges))) == 1

    def test_the_order_of_posts_does_not_matter_for_their_groups(self) -> None:
        random = np.random.default_rng(4)
        texts = [[*SENTENCE[:n], *SENTENCE[n + 2 :]] for n in range(20)] + [["a", "b"], ["b", "a"]]
        order = random.permutation(len(texts))
        signatures = signatures_of(texts)
        expected = groups(components(len(texts), near_texts(signatures)))
        shuffled = groups(components(len(texts), near_texts(signatures[order])))
        assert {frozenset(order[list(group)].tolist()) for group in shuffled} == expected

    def test_nothing(self) -> None:
        assert not len(near_texts(np.empty((0, SIGNATURE_BYTES), dtype=np.uint8))[0])

    def test_real_texts(self, shared_data: Path) -> None:
        rows = pq.read_table(shared_data / "mvsa.parquet", columns=["title", "description"])
        texts = [
            words(post_text(r["title"] or "", r["description"] or "")) for r in rows.to_pylist()
        ]
        texts = [text for text in texts if len(text) >= 5]
        found = groups(components(len(texts), near_texts(signatures_of(texts))))
        same: dict[frozenset[str], int] = {}
        for row, text in enumerate(texts):
            same.setdefault(frozenset(text), row)
        for group in found:
            for row in group:
                assert same[frozenset(texts[row])] in group
        assert sum(len(group) for group in found if len(group) > 1) == 231


class TestParts:
    """The work is done in parts, and an entry is compared with few others in its bucket."""

    def test_the_neighbours_are_found_once_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(near_duplicates, "_ROWS_AT_ONCE", 2)
        keys = np.array([1, 1, 1, 1, 2, 3, 3], dtype=np.uint16)
        for most, farther in ((1, []), (2, [(0, 2), (1, 3)])):
            pairs = [
                pair
                for left, right in near_duplicates._neighbours(keys, most)
                for pair in zip(left.tolist(), right.tolist(), strict=True)
            ]
            assert sorted(pairs) == sorted([(0, 1), (1, 2), (2, 3), (5, 6), *farther])

    def test_texts_that_differ_in_one_bit_are_told_apart_before_they_are_compared(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(near_duplicates, "_TEXTS_COMPARED", 0)
        one = np.random.default_rng(7).integers(256, size=SIGNATURE_BYTES, dtype=np.uint8)
        texts = np.tile(one, (10, 1))
        for word in range(8):
            texts[word, 8 * word] ^= 1  # the lowest bit of a word of 64
        texts[8, 7] ^= 128  # the highest
        assert components(20, near_texts(np.tile(texts, (2, 1)))).tolist() == [*range(10)] * 2

    @pytest.mark.parametrize(
        ("equal", "crowded", "compared"), [((0, 1, 5, 10), True, 1), ((0, 2, 5, 10), False, 8)]
    )
    def test_two_texts_that_share_four_bands(
        self,
        equal: tuple[int, ...],
        crowded: bool,
        compared: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Among other texts in these bands' buckets, the next band brings them together."""
        monkeypatch.setattr(near_duplicates, "_TEXTS_COMPARED", compared)
        texts = np.random.default_rng(8).integers(256, size=(162, SIGNATURE_BYTES), dtype=np.uint8)
        texts[-1] = texts[0]
        for band in {*range(16)} - {*equal}:
            texts[-1, 4 * band + 3] ^= 128
        if crowded:
            for row in range(1, 161):
                band = equal[row % 4]
                texts[row, 4 * band : 4 * band + 4] = texts[0, 4 * band : 4 * band + 4]
        one, other = near_texts(texts)
        assert {*one.tolist(), *other.tolist()} == {0, 161}

    @pytest.mark.parametrize("at_once", [1, 2, 3])
    def test_equal_texts_are_found_across_parts(
        self, at_once: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only equal texts are, as none of their signatures is compared with another."""
        monkeypatch.setattr(near_duplicates, "_ROWS_AT_ONCE", at_once)
        monkeypatch.setattr(near_duplicates, "_TEXTS_COMPARED", 0)
        signatures = np.random.default_rng(6).integers(256, size=(3, SIGNATURE_BYTES))
        rows = [0, 1, 0, 2, 1, 0, 2, 0]
        labels = components(8, near_texts(signatures[rows].astype(np.uint8)))
        assert labels.tolist() == rows


class TestComponents:
    def test_edges_of_pictures_and_texts_together(self) -> None:
        pictures = np.array([0, 1]), np.array([1, 2])
        texts = np.array([4]), np.array([2])
        labels = components(6, pictures, texts)
        assert labels.dtype == np.int32
        assert groups(labels) == {frozenset({0, 1, 2, 4}), frozenset({3}), frozenset({5})}

    def test_no_edges(self) -> None:
        assert components(3).tolist() == [0, 1, 2]
