#include "pdf_maker.hpp"

#include <algorithm>

#include "publication/cover.hpp"
#include "zip_maker.hpp"

namespace carrel::publication::test {
namespace {

std::string number(int n) { return std::to_string(n); }

// Deflate's own stream inside what zlib writes around it; nobody looks at the checksum here.
std::string zlib_stream(const std::string& data) {
  unsigned a = 1, b = 0;
  for (char c : data) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  std::string out = "\x78\x9c" + deflated(data);
  for (unsigned part : {b >> 8, b, a >> 8, a}) out += static_cast<char>(part & 0xff);
  return out;
}

}  // namespace

std::string reference(int n) { return number(n) + " 0 R"; }

std::string stream(const std::string& data, const std::string& entries) {
  return "<< /Length " + std::to_string(data.size()) + " " + entries + " >>\nstream\n" + data + "\nendstream";
}

std::string flate(const std::string& data, const std::string& entries) {
  return stream(zlib_stream(data), "/Filter /FlateDecode " + entries);
}

std::string utf16(const std::u16string& text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out = "<FEFF";
  for (char16_t c : text) {
    for (int shift : {12, 8, 4, 0}) out += digits[(c >> shift) & 15];
  }
  return out + ">";
}

std::string jpeg_of(int width, int height) { return *scale_picture(make_png(width, height), {.width = width, .height = height}); }

std::string jpeg_object(int width, int height) {
  return stream(jpeg_of(width, height),
                "/Type /XObject /Subtype /Image /Filter /DCTDecode /ColorSpace /DeviceRGB "
                "/BitsPerComponent 8 /Width " +
                    number(width) + " /Height " + number(height));
}

int pdf::add(const std::string& object) {
  int n = objects.empty() ? 10 : std::max(10, objects.rbegin()->first + 1);
  objects[n] = object;
  return n;
}

void pdf::info(const std::string& entries) { trailer += " /Info " + reference(add("<< " + entries + " >>")); }

void pdf::xmp_packet(const std::string& packet) {
  catalog += " /Metadata " + reference(add(stream(packet, "/Type /Metadata /Subtype /XML")));
}

void pdf::xmp(const std::string& properties) {
  xmp_packet(
      "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
      "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" "
      "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" "
      "xmlns:xmpidq=\"http://ns.adobe.com/xmp/Identifier/qual/1.0/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" "
      "xmlns:pdfx=\"http://ns.adobe.com/pdfx/1.3/\" xmlns:prism=\"http://prismstandard.org/namespaces/basic/2.0/\" "
      "xmlns:calibre=\"http://calibre-ebook.com/xmp-namespace\" "
      "xmlns:calibreSI=\"http://calibre-ebook.com/xmp-namespace-series-index\">" +
      properties + "</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>");
}

std::string pdf::bytes() const {
  std::map<int, std::string> all;
  std::string kids = "3 0 R";
  for (int i = 1; i < pages; ++i) {
    kids += " " + reference(1000 + i);
    all[1000 + i] = "<< /Type /Page /Parent 2 0 R >>";
  }
  all[1] = "<< /Type /Catalog /Pages 2 0 R " + catalog + " >>";
  all[2] = "<< /Type /Pages /Count " + number(pages) + " /Kids [" + kids + "] >>";
  all[3] = "<< /Type /Page /Parent 2 0 R " + page + " >>";
  all[4] = stream(content);
  for (const auto& [n, object] : objects) all[n] = object;

  std::string out = head, table;
  int next = 0;
  for (const auto& [n, object] : all) {
    for (; next < n; ++next) table += "0000000000 65535 f \n";
    std::string at = std::to_string(out.size());
    table += std::string(10 - at.size(), '0') + at + " 00000 n \n";
    out += number(n) + " 0 obj\n" + object + "\nendobj\n";
    ++next;
  }
  std::string start = std::to_string(out.size());
  return out + "xref\n0 " + number(next) + "\n" + table + "trailer\n<< /Size " + number(next) + " /Root 1 0 R " + trailer +
         " >>\nstartxref\n" + start + "\n%%EOF\n";
}

}  // namespace carrel::publication::test
