"""Markdown as our guides write it, drawn as HTML: headings, lists, tables, code, pictures, links. Nothing else passes.

Everything is escaped first; what it does not know stays as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_ITEM: Final = re.compile(r"(\s*)(-|\d+\.) +(.*)")
_HEADING: Final = re.compile(r"(#{1,4}) +(.*)")
_PICTURE: Final = re.compile(r"!\[(.*)\]\(img/([a-z0-9-]+)\.webp\)")
_RULE: Final = re.compile(r"\s*\|[\s:|-]+\|\s*")
_INLINE: Final = (
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*([^*]+?)\*(?![\w*])"), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]+)\]\(([a-z0-9-]+)\.md\)"), r'<a href="/ayuda/\2/">\1</a>'),
    (re.compile(r"\[([^\]]+)\]\((https?://[^\s)\"]+|/[^\s)\"]*)\)"), r'<a href="\2">\1</a>'),
    # Other files of the repository have no page here.
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
)


def title_of(text: str) -> str:
    """Its first heading."""
    found = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return found[1] if found else ""


def draw(text: str) -> SafeString:
    """The page's body, without the script or style that the policy of the site would refuse."""
    return mark_safe("\n".join(_blocks(text.splitlines())))  # escaped piece by piece


def _blocks(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if line.lstrip().startswith("```"):
            while end < len(lines) and not lines[end].lstrip().startswith("```"):
                end += 1
            yield _code(lines[at + 1 : end])
            end += 1
        elif heading := _HEADING.fullmatch(line):
            level = len(heading[1])
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
        elif picture := _PICTURE.fullmatch(line.strip()):
            yield _picture(picture)
        elif line.lstrip().startswith("|"):
            while end < len(lines) and lines[end].lstrip().startswith("|"):
                end += 1
            yield _table(lines[at:end])
        elif item := _ITEM.fullmatch(line):
            end = _end_of_list(lines, at, len(item[1]))
            yield _list(lines[at:end], item)
        elif line.strip():
            while end < len(lines) and lines[end].strip() and not _starts(lines[end]):
                end += 1
            yield f"<p>{_inline(' '.join(each.strip() for each in lines[at:end]))}</p>"
        at = end


def _starts(line: str) -> bool:
    """Something else than more of a paragraph."""
    return bool(_ITEM.fullmatch(line) or _HEADING.fullmatch(line)) or line.lstrip().startswith(("|", "```", "!["))


def _end_of_list(lines: list[str], at: int, indent: int) -> int:
    """The first line after a list: not an item of it and not further in than its items."""
    end = at + 1
    while end < len(lines):
        line = lines[end]
        inside = len(line) - len(line.lstrip()) > indent
        item = _ITEM.fullmatch(line)
        follows = next((later for later in lines[end:] if later.strip()), "")
        goes_on = len(follows) - len(follows.lstrip()) > indent or _ITEM.fullmatch(follows)
        if not (inside or (item and len(item[1]) == indent) or (not line.strip() and goes_on)):
            break
        end += 1
    return end


def _list(lines: list[str], first: re.Match[str]) -> str:
    """Its items, each with what is written further in below it."""
    tag = "ul" if first[2] == "-" else "ol"
    items: list[list[str]] = []
    for line in lines:
        item = _ITEM.fullmatch(line)
        if item and len(item[1]) == len(first[1]):
            items.append([item[3]])
        else:
            items[-1].append(line[len(first[1]) + 2 :] if line.strip() else "")
    drawn = "".join(f"<li>{_item(item)}</li>" for item in items)
    start = f' start="{first[2][:-1]}"' if tag == "ol" and first[2] != "1." else ""
    return f"<{tag}{start}>{drawn}</{tag}>"


def _item(lines: list[str]) -> str:
    blocks = list(_blocks([line.strip() if index == 0 else line for index, line in enumerate(lines)]))
    if blocks and blocks[0].startswith("<p>"):
        blocks[0] = blocks[0].removeprefix("<p>").removesuffix("</p>")
    return "".join(blocks)


def _table(lines: list[str]) -> str:
    rows = [[_inline(cell.strip()) for cell in line.strip().strip("|").split("|")] for line in lines
            if not _RULE.fullmatch(line)]  # fmt: skip
    head = "".join(f'<th scope="col">{cell}</th>' for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return (
        '<div class="scroll-x" tabindex="0" role="group" aria-label="Tabla"><table class="table flat">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _code(lines: list[str]) -> str:
    return f'<pre class="code" tabindex="0"><code>{escape(chr(10).join(lines))}</code></pre>'


def _picture(found: re.Match[str]) -> str:
    return f'<p><img class="shot" src="/ayuda/img/{found[2]}.webp" alt="{escape(found[1])}" loading="lazy"></p>'


def _inline(text: str) -> str:
    """Words with their emphasis, links and code; what is code is taken as it stands."""
    pieces = re.split(r"`([^`]+)`", text)
    drawn = []
    for index, piece in enumerate(pieces):
        said = str(escape(piece))
        if index % 2:
            drawn.append(f"<code>{said}</code>")
            continue
        for pattern, instead in _INLINE:
            said = pattern.sub(instead, said)
        drawn.append(said)
    return "".join(drawn)
