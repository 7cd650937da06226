"""Archives and mails: the documents in them by name, what is passed over, and what is refused."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import FormatError, InputError
from tagger.reading import read, read_all, read_all_content, read_content
from tagger.reading.limits import Limits
from tagger.records import Source

FILES = Path(__file__).parent / "files"
TEXT = "一、抓党建\n全年开展主题党日12次。\n".encode()
RTF = (FILES / "rtf" / "libreoffice.rtf").read_bytes()


def packed(members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def found(name: str, content: bytes) -> dict[str, str]:
    """The name of each document, and its first line; or the sentence about what is wrong with it."""
    result = {}
    for each in read_all_content(name, content):
        if isinstance(each, Source):
            line = each.lines[0]
            result[each.name] = each.text[line.start : line.end]
        else:
            assert "请" in str(each)
            result[each.subject] = each.found
    return result


def test_documents_in_folders_and_archives_in_order_of_their_names() -> None:
    inner = packed({"深处/乙.md": "# 乙".encode()})
    members = {"里面/报告.txt": TEXT, "里面/": b"", "丙.zip": inner, "甲.rtf": RTF}
    assert found("a.zip", packed(members)) == {
        "a.zip/丙.zip/深处/乙.md": "乙",
        "a.zip/甲.rtf": found("x.rtf", RTF)["x.rtf"],
        "a.zip/里面/报告.txt": "一、抓党建",
    }


def test_what_is_no_document_is_passed_over() -> None:
    others = ["图.jpg", "没有后缀", ".hidden.txt", "~$报告.docx", ".git/a.txt", "__MACOSX/._报告.txt", "~$夹/a.txt"]
    assert list(found("a.zip", packed({**dict.fromkeys(others, TEXT), "好.txt": TEXT}))) == ["a.zip/好.txt"]
    assert found("a.zip", packed(dict.fromkeys(others, TEXT))) == {"a.zip": "里面没有文档"}
    assert found("a.zip", packed({})) == {"a.zip": "里面没有文档"}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_names_of_chinese_windows_and_of_those_who_forget_the_flag(encoding: str) -> None:
    raw = "里面/誠信建设、乡镇.txt".encode(encoding)  # in GBK the first character has a backslash for its second byte
    spelled = f"{'x' * (len(raw) - 4)}.txt"
    content = packed({spelled: TEXT}).replace(spelled.encode(), raw)
    assert list(found("a.zip", content)) == ["a.zip/里面/誠信建设、乡镇.txt"]


def test_names_with_the_flag_backslashes_control_characters_and_ways_out() -> None:
    names = {"里面\\报告.txt": TEXT, "两\n行😀.txt": TEXT, "../../etc/a.txt": TEXT}
    shown = {"a.zip/里面/报告.txt", "a.zip/两\\n行😀.txt", "a.zip/../../etc/a.txt"}
    assert set(found("a.zip", packed(names))) == shown


def test_a_broken_member_does_not_stop_the_others() -> None:
    content = packed({"坏.pdf": b"%PDF-1.7", "空.txt": b"", "好.txt": TEXT, "表.docx": packed({"x.xml": b"x"})})
    assert found("a.zip", content) == {
        "a.zip/坏.pdf": "PDF 文件已损坏",
        "a.zip/好.txt": "一、抓党建",
        "a.zip/空.txt": "是空文件（0 字节）",
        "a.zip/表.docx": "是压缩包，但不是 Word 文档",
    }
    flipped = bytearray(packed({"坏.txt": TEXT, "好.txt": TEXT}, method=zipfile.ZIP_STORED))
    flipped[flipped.index(TEXT) + 3] ^= 1
    assert found("a.zip", bytes(flipped)) == {
        "a.zip/坏.txt": "压缩包里的这个文件已损坏或不完整",
        "a.zip/好.txt": "一、抓党建",
    }


def test_a_document_that_is_packed_as_an_archive_stays_one() -> None:
    sample = (FILES / "ofd" / "easyofd.ofd").read_bytes()
    assert list(found("a.zip", sample)) == ["a.zip"]
    assert read_content("a.zip", sample).lines


def test_one_document_in_an_archive_is_read_and_more_are_too_many(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(packed({"报告.txt": TEXT}))
    assert read(path).name == f"{path}/报告.txt"
    path.write_bytes(packed({"报告.txt": TEXT, "通知.txt": TEXT}))
    with pytest.raises(FormatError, match="不止一个文档"):
        read(path)
    assert [source.name for source in read_all(path) if isinstance(source, Source)] == [
        f"{path}/报告.txt",
        f"{path}/通知.txt",
    ]
    path.write_bytes(packed({"坏.pdf": b"%PDF-1.7"}))
    with pytest.raises(InputError, match="坏.pdf"):
        read(path)


# What is refused


def test_encrypted_members() -> None:
    content = bytearray(packed({"密.txt": TEXT}))
    content[6] |= 1  # the flag, in the member
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the list
    assert found("a.zip", bytes(content)) == {"a.zip/密.txt": "加了密码"}


@pytest.mark.skipif(shutil.which("zip") is None, reason="需要 zip 命令")
def test_what_zip_encrypts(tmp_path: Path) -> None:
    (tmp_path / "密.txt").write_bytes(TEXT)
    subprocess.run(["zip", "-q", "-P", "secret", "a.zip", "密.txt"], cwd=tmp_path, check=True, timeout=30)
    assert [each.found for each in read_all(tmp_path / "a.zip") if isinstance(each, InputError)] == ["加了密码"]


def test_other_ways_to_pack() -> None:
    assert found("a.zip", packed({"a.txt": TEXT}, method=zipfile.ZIP_LZMA)) == {"a.zip/a.txt": "压缩方式不常见"}


def test_archives_too_deep_in_one_another() -> None:
    content = TEXT
    for number in range(5):
        content = packed({f"{number}.zip" if number else "a.txt": content})
    assert found("a.zip", content) == {"a.zip/4.zip/3.zip/2.zip": "压缩包套了 3 层以上"}


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [("members", 2, "里面有 2 个以上的文档"), ("members_bytes", 70, "展开后共有"), ("file_bytes", 60, "有 80 字节")],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str) -> None:
    monkeypatch.setattr("tagger.reading.limits.DEFAULT", Limits(**{limit: value}))
    others = {"b.txt": b"b" * 20, "c.txt": b"c" * 80}
    members = others if limit == "file_bytes" else {"里.zip": packed(others)}
    texts = list(found("a.zip", packed({"a.txt": b"a" * 20, **members})).values())
    assert texts[0] == "a" * 20
    assert message in texts[-1]


def test_bombs_are_refused_before_they_unfold() -> None:
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.txt", "w") as member:
        for _ in range(40):
            member.write(bytes(2**20))
    assert found("a.zip", packed({"b.txt": TEXT, "弹.zip": zeros.getvalue()})) == {
        "a.zip/b.txt": "一、抓党建",
        "a.zip/弹.zip/a.txt": "压缩到了原来的 1028 分之一",
    }


def test_a_list_of_members_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.reading.MAX_DIRECTORY_BYTES", 1000)
    assert found("a.zip", packed({f"{number}.txt": b"x" for number in range(99)})) == {"a.zip": "里面的文件太多"}


def test_sizes_that_lie() -> None:
    content = bytearray(packed({"a.txt": b"a" * 5000}))
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (9).to_bytes(4, "little")
    assert found("a.zip", bytes(content)) == {"a.zip/a.txt": "压缩包里的这个文件已损坏或不完整"}


# Mails


def mail(body: str = "各科室：\n请按时报送。", *, subtype: str = "plain", charset: str = "utf-8") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "通知"
    message.set_content(body, subtype=subtype, charset=charset)
    return message


@pytest.mark.parametrize("charset", ["utf-8", "gb2312", "gb18030", "big5"])
def test_the_body_of_a_mail_in_every_usual_encoding(charset: str) -> None:
    text = "各科室：\n請按時報送。" if charset == "big5" else "各科室：\n请按时报送。"
    assert found("信.eml", mail(text, charset=charset).as_bytes()) == {"信.eml/正文.txt": "各科室："}


def test_a_page_is_taken_before_the_same_as_text() -> None:
    message = mail("一行\n断开。")
    message.add_alternative("<p>一行断开。</p>", subtype="html", charset="gb2312")
    source = read_content("信.eml", message.as_bytes())
    assert (source.name, source.text) == ("信.eml/正文.html", "一行断开。")


def test_attachments_and_mails_in_mails() -> None:
    message = mail()
    message.add_attachment(RTF, maintype="application", subtype="rtf", filename="报告.rtf")
    message.add_attachment(packed({"里/甲.txt": TEXT}), maintype="application", subtype="zip", filename="材料.zip")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="图.png")
    inner = mail("转来的话。")
    inner.add_attachment(TEXT, maintype="text", subtype="plain", filename="乙.txt")
    message.add_attachment(inner)
    assert list(found("信.eml", message.as_bytes())) == [
        "信.eml/正文.txt",
        "信.eml/报告.rtf",
        "信.eml/材料.zip/里/甲.txt",
        "信.eml/转发的邮件.eml/正文.txt",
        "信.eml/转发的邮件.eml/乙.txt",
    ]


@pytest.mark.parametrize("spelled", ["=?GB2312?B?sai45i50eHQ=?=", "=?utf-8?b?5oql5ZGKLnR4dA==?="])
def test_names_of_attachments_as_chinese_programs_write_them(spelled: str) -> None:
    head = f'MIME-Version: 1.0\nContent-Type: text/plain; name="{spelled}"\nContent-Disposition: attachment;'
    content = f'{head} filename="{spelled}"\n\n'.encode("latin-1") + TEXT
    assert list(found("信.eml", content)) == ["信.eml/报告.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x01\x02", "不是文本"),
        (b"Subject: x\n\n", "里面没有文档"),
        (b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(3000)), "邮件已损坏"),
    ],
)
def test_mails_that_hold_nothing_or_never_end(content: bytes, message: str) -> None:
    assert [text for text in found("信.eml", content).values() if message in text]


# Whatever comes

SAMPLE = packed({"里面/报告.txt": TEXT, "甲.zip": packed({"乙.txt": TEXT})}, method=zipfile.ZIP_STORED)
MAIL = mail()
MAIL.add_attachment(TEXT, maintype="text", subtype="plain", filename="报告.txt")


@settings(max_examples=100)
@given(
    st.sampled_from([("a.zip", SAMPLE), ("a.eml", MAIL.as_bytes())]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
    st.integers(0, 30),
)
def test_spoilt_ones_are_read_or_refused(sample: tuple[str, bytes], changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(sample[1])
    for place, value in changes:
        content[place % len(content)] = value
    for each in read_all_content(sample[0], bytes(content[: len(content) - cut])):
        assert isinstance(each, Source) or "请" in str(each)


def test_what_does_not_unpack_is_damage() -> None:
    content = packed({"a.txt": TEXT * 99})
    start = content.index(b"a.txt") + 5
    with pytest.raises(InputError, match="损坏"):
        read_content("a.zip", content[:start] + bytes(9) + content[start + 9 :])
