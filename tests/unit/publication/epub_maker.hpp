#pragma once
// Small EPUBs for tests.

#include <string>
#include <vector>

#include "publication/open.hpp"
#include "zip_maker.hpp"

namespace carrel::publication::test {

struct epub {
  std::string metadata =
      "<dc:identifier id='i'>x</dc:identifier><dc:title>Plain</dc:title><dc:creator>Ada Lark</dc:creator>"
      "<dc:language>en</dc:language>";
  std::string manifest;  // besides the item c1
  std::string spine = "<itemref idref='c1'/>";
  std::string extra;   // behind the spine
  std::string prolog;  // in front of the package element
  std::string package_attributes = "version='3.0'";
  std::string chapter =
      "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>One</title></head><body><p>One. Two.</p></body></html>";
  std::vector<part> more;

  std::string package() const;
  std::vector<part> parts() const;  // mimetype, container, package document, chapter, more
  std::string bytes() const { return make_zip(parts()); }
};

constexpr const char* container_xml =
    "<container version='1.0' xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
    "<rootfile full-path='OEBPS/content.opf' media-type='application/oebps-package+xml'/></rootfiles></container>";

// Opens bytes as a file of that name.
result<opened, refusal> open_bytes(const std::string& bytes, const std::string& name = "book.epub", const limits& = {});
opened open_good(const epub&);                                                              // fails the test when it is refused
std::string refused_code(const std::string& bytes, const std::string& name = "book.epub");  // "" when it is accepted
bool warned(const opened&, const std::string& code);
std::string codes(const opened&);  // of all warnings, divided by blanks

}  // namespace carrel::publication::test
