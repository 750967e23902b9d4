#include "epub_maker.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace carrel::publication::test {

std::string epub::package() const {
  return "<?xml version='1.0' encoding='utf-8'?>\n" + prolog + "<package xmlns='http://www.idpf.org/2007/opf' " +
         package_attributes +
         " unique-identifier='i'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/' "
         "xmlns:opf='http://www.idpf.org/2007/opf'>" +
         metadata + "</metadata><manifest><item id='c1' href='ch01.xhtml' media-type='application/xhtml+xml'/>" + manifest +
         "</manifest><spine>" + spine + "</spine>" + extra + "</package>";
}

std::vector<part> epub::parts() const {
  std::vector<part> out{{.name = "mimetype", .data = "application/epub+zip"},
                        {.name = "META-INF/container.xml", .data = container_xml},
                        {.name = "OEBPS/content.opf", .data = package(), .deflate = true},
                        {.name = "OEBPS/ch01.xhtml", .data = chapter, .deflate = true}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

result<opened, refusal> open_bytes(const std::string& bytes, const std::string& name, const limits& limit) {
  scratch file(bytes);
  return publication::open(file.descriptor(), name, limit);
}

opened open_good(const epub& e) {
  result<opened, refusal> found = open_bytes(e.bytes());
  if (!found) FAIL("refused: " << found.error().code << " " << found.error().detail);
  return *found;
}

std::string refused_code(const std::string& bytes, const std::string& name) {
  result<opened, refusal> found = open_bytes(bytes, name);
  return found ? std::string() : found.error().code;
}

bool warned(const opened& o, const std::string& code) {
  return std::any_of(o.warnings.begin(), o.warnings.end(), [&](const warning& w) { return w.code == code; });
}

std::string codes(const opened& o) {
  std::string out;
  for (const warning& w : o.warnings) out += (out.empty() ? "" : " ") + w.code;
  return out;
}

}  // namespace carrel::publication::test
