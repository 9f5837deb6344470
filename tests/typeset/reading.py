"""Reading a PDF back as its users do: its text, its pages as pictures, the QR on them, what is attached."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pypdfium2
import zxingcpp
from PIL import Image


@dataclass(frozen=True)
class Pdf:
    """A PDF in memory."""

    data: bytes

    def _open(self) -> pypdfium2.PdfDocument:
        return pypdfium2.PdfDocument(self.data)

    def pages(self) -> list[str]:
        """The text of each page, on one line."""
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in self._open()]

    def text(self) -> str:
        return " ".join(self.pages())

    def solid(self) -> str:
        """The text without any space or break opportunity: for what was broken only to fit."""
        return re.sub(r"[\s\u200b]", "", self.text())

    def size_mm(self) -> tuple[float, float]:
        width, height = self._open()[0].get_size()
        return width / 72 * 25.4, height / 72 * 25.4

    def picture(self, page: int = 0, *, dpi: int = 150) -> Image.Image:
        image: Image.Image = self._open()[page].render(scale=dpi / 72).to_pil().convert("L")
        return image

    def attachments(self) -> dict[str, bytes]:
        document = self._open()
        found = [document.get_attachment(index) for index in range(document.count_attachments())]
        return {item.get_name(): bytes(item.get_data()) for item in found}

    def qr(self, page: int = 0, *, dpi: int = 150) -> tuple[str, float]:
        """What the one code of a page says, and the side of the printed square in mm."""
        codes = zxingcpp.read_barcodes(self.picture(page, dpi=dpi))
        assert len(codes) == 1, f"{len(codes)} codes on the page"
        corners = codes[0].position
        side = corners.bottom_right.x - corners.top_left.x
        return codes[0].text, side / dpi * 25.4
