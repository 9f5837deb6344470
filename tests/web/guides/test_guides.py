"""The guides inside the application: every one is drawn whole, its pictures exist, and nothing in it runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from emite.web.desk.helping import HELP
from emite.web.desk.templatetags.desk_shell import page_help
from emite.web.guides.drawing import draw
from emite.web.guides.pages import guides

FOLDER = Path(__file__).parents[3] / "docs" / "guia"


def test_every_guide_is_a_page_with_its_pictures() -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    index = client.get("/ayuda/").content.decode()
    assert {name for name, _ in guides()} == {path.stem for path in FOLDER.glob("*.md")}
    shown = set()
    for name, title in guides():
        assert f'href="/ayuda/{name}/">{title}' in index
        page = client.get(f"/ayuda/{name}/").content.decode()
        assert f"<h1>{title}</h1>" in page
        body = page.partition("<article")[2].partition("</article>")[0]
        code = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
        left = code.sub("", body)
        assert not re.search(r"\*\*|^#|\]\(|^\s*\||```", left, re.MULTILINE), name
        for address in re.findall(r'(?:href|src)="(/ayuda/[^"]+)"', page):
            assert client.get(address).status_code == 200, address
        shown |= set(re.findall(r"/ayuda/img/([a-z-]+)\.webp", page))
    assert shown == {path.stem for path in (FOLDER / "img").glob("*.webp")}
    assert sum(path.stat().st_size for path in (FOLDER / "img").iterdir()) < 1.5 * 2**20
    assert client.get("/ayuda/img/nada.webp").status_code == 404
    assert client.get("/ayuda/nada/").status_code == 404


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("<script>x</script> & **a**", "<p>&lt;script&gt;x&lt;/script&gt; &amp; <strong>a</strong></p>"),
        ("`**a** <b>`", "<p><code>**a** &lt;b&gt;</code></p>"),
        ("[x](javascript:alert)", "<p>x</p>"),
        ("[x](caja.md)", '<p><a href="/ayuda/caja/">x</a></p>'),
        ("1. uno\n\n   - dos\n2. tres", "<ol><li>uno<ul><li>dos</li></ul></li><li>tres</li></ol>"),
        ("- uno\n  y más\n- dos\n\nfin", "<ul><li>uno y más</li><li>dos</li></ul>\n<p>fin</p>"),
        ("```sh\na | b\n# c\n```", '<pre class="code" tabindex="0"><code>a | b\n# c</code></pre>'),
    ],
)
def test_what_is_written_is_what_is_drawn(written: str, drawn: str) -> None:
    assert draw(written) == drawn


def test_every_help_leads_to_a_guide_that_exists() -> None:
    names = {name for name, _ in guides()} | {""}
    assert {page_help(section)["guide"] for section in HELP} <= names
