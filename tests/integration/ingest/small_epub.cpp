#include "small_epub.hpp"

#include <fstream>
#include <iterator>

#include "../../unit/publication/zip_maker.hpp"

namespace carrel::ingest::test {

std::string epub(const book& b) {
  using publication::test::part;
  std::string package =
      "<package xmlns='http://www.idpf.org/2007/opf' version='3.0' unique-identifier='i'><metadata "
      "xmlns:dc='http://purl.org/dc/elements/1.1/'>"
      "<dc:identifier id='i'>urn:test:" +
      b.title + "</dc:identifier><dc:title>" + b.title + "</dc:title><dc:language>en</dc:language>";
  if (!b.author.empty()) package += "<dc:creator>" + b.author + "</dc:creator>";
  if (!b.isbn.empty()) package += "<dc:identifier>urn:isbn:" + b.isbn + "</dc:identifier>";
  package += "</metadata><manifest><item id='c1' href='c1.xhtml' media-type='application/xhtml+xml'/>";
  if (!b.cover.empty()) package += "<item id='cover' href='cover.png' media-type='image/png' properties='cover-image'/>";
  package += "</manifest><spine><itemref idref='c1'/></spine></package>";
  std::vector<part> parts(4);
  parts[0].name = "mimetype";
  parts[0].data = "application/epub+zip";
  parts[1].name = "META-INF/container.xml";
  parts[1].data =
      "<container version='1.0' xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
      "<rootfile full-path='OEBPS/content.opf' media-type='application/oebps-package+xml'/></rootfiles></container>";
  parts[2].name = "OEBPS/content.opf";
  parts[2].data = package;
  parts[3].name = "OEBPS/c1.xhtml";
  parts[3].data =
      "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>One</title></head><body><p>" + b.text + "</p></body></html>";
  if (!b.cover.empty()) {
    parts.emplace_back();
    parts.back().name = "OEBPS/cover.png";
    parts.back().data = b.cover;
  }
  return publication::test::make_zip(parts);
}

void write(const std::filesystem::path& p, const std::string& bytes) {
  std::filesystem::create_directories(p.parent_path());
  std::ofstream out(p, std::ios::binary | std::ios::trunc);
  out << bytes;
}

std::string read(const std::filesystem::path& p) {
  std::ifstream in(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace carrel::ingest::test
