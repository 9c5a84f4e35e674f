"""In which encoding a text is written, told by its bytes."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from flickr_emotion.common.tables.opening import open_table
from flickr_emotion.common.tables.table import TableError

WESTERN = [
    "Café am Fluß",
    "the façade of the château — “lovely”",
    "A day at the beach with my friend José",
    "naïve déjà vu",
    "Señor Muñoz en España: ¡qué día!",
    "Åsa på Øresund",
    "100 € for this",
]
OTHERS = {
    "cp1251": "Красивый закат над морем, и тёплый ветер с берега",
    "koi8_r": "Красивый закат над морем, и тёплый ветер с берега",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy nad řekou",
    "cp932": "東京の夜はとても静かで、川の光がきれいです",
    "gb18030": "美丽的日落在海边，风很大，我们走了很久，"
    "然后一起回家吃饭，心里非常高兴，这是我们的照片",
    "cp949": "아름다운 일몰과 조용한 바다, 우리는 오래 걸었다",
    "big5": "美麗的日落在海邊，風很大，我們走了很久",
    "mac_roman": "Café am Fluß, naïve déjà vu, façade",
}


def read_back(path: Path, text: str, encoding: str) -> str:
    path.write_bytes(f'id,text\n1,plain words\n2,"{text}"\n'.encode(encoding))
    *_, last = open_table(path).rows()
    return str(last.values[1])


@pytest.mark.parametrize("text", WESTERN)
def test_one_text_as_windows_writes_it(tmp_path: Path, text: str) -> None:
    assert read_back(tmp_path / "t.csv", text, "cp1252") == text


@pytest.mark.parametrize("encoding", OTHERS)
def test_other_code_pages(tmp_path: Path, encoding: str) -> None:
    text = OTHERS[encoding]
    assert read_back(tmp_path / "t.csv", text, encoding) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode(tmp_path: Path, encoding: str) -> None:
    text = "Ünïcödé 日本 😀"
    assert read_back(tmp_path / "t.csv", text, encoding) == text


@pytest.mark.parametrize("content", [b"\xff\xfea", b"id,text\n1,\xc3", b"\xff\xfe\0\xd8\0\xd8"])
def test_cut_off(tmp_path: Path, content: bytes) -> None:
    """A text that ends within a character is one line, or is read with what is left."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"^[^\n]+$") if content[0] == 0xFF else nullcontext():
        list(open_table(path).rows())
