#!/usr/bin/env python3
"""bench/make_books.py FOLDER COUNT [BYTES]: COUNT distinct EPUBs of about BYTES (170,000) with a JPEG-sized PNG cover, a hundred
to a folder. Text is made of words by a fixed generator, so the same arguments give the same files."""
import pathlib
import random
import struct
import sys
import zipfile
import zlib

folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
size = int(sys.argv[3]) if len(sys.argv) > 3 else 170_000
words = [("%s%s" % (a, b)) for a in ("ba", "re", "lo", "mi", "ten", "gar", "sol", "wi", "nor", "ka") for b in
         ("mar", "lin", "dor", "ves", "tan", "rok", "sil", "pen", "gul", "hat", "fer", "zon")]


def cover(seed):
    """A 600x900 picture with a gradient, about 20 KB."""
    width, height = 600, 900
    lines = b"".join(b"\0" + bytes(((x // 4 + y // 3 + seed * 7) % 256 if c == seed % 3 else (y // 4) % 256) for x in range(width) for c in range(3))
                     for y in range(0, height, 30) for _ in range(1))
    rows = [lines[i:i + 1 + 3 * width] for i in range(0, len(lines), 1 + 3 * width)]
    raw = b"".join(r * 30 for r in rows)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b""))


covers = [cover(i) for i in range(10)]
for n in range(count):
    rng = random.Random(n)
    at = folder / f"{n // 100 * 100:04d}"
    at.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(at / f"book-{n:05d}.epub", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        z.writestr("META-INF/container.xml", '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                   '<rootfile full-path="p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>')
        title = " ".join(rng.choice(words) for _ in range(3)).title() + f" {n}"
        author = " ".join(rng.choice(words) for _ in range(2)).title()
        chapters = 10
        items = "".join(f'<item id="c{i}" href="c{i}.xhtml" media-type="application/xhtml+xml"/>' for i in range(chapters))
        spine = "".join(f'<itemref idref="c{i}"/>' for i in range(chapters))
        z.writestr("p.opf", f'<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata '
                   f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">urn:carrel:bench:{n}</dc:identifier>'
                   f'<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>'
                   f'<dc:subject>{rng.choice(words)}</dc:subject></metadata><manifest><item id="v" href="cover.png" '
                   f'media-type="image/png" properties="cover-image"/>{items}</manifest><spine>{spine}</spine></package>')
        z.writestr("cover.png", covers[n % len(covers)] + b"", zipfile.ZIP_STORED)
        # Words compress to about a third; random letters fill up to the wanted size.
        share = (size - len(covers[n % len(covers)]) - 3000) // chapters
        for i in range(chapters):
            text, length = [], 0
            while length < share * 2.45:
                p = " ".join(rng.choice(words) + "%x" % rng.getrandbits(12) for _ in range(60))
                text.append(f"<p>{p}</p>")
                length += len(p)
            z.writestr(f"c{i}.xhtml", '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>c</title></head><body>' + "".join(text) + "</body></html>")
