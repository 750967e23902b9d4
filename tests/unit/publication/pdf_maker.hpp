#pragma once
// PDFs written by hand, so that every object can lie.

#include <map>
#include <string>
#include <vector>

namespace carrel::publication::test {

// Objects 1 and 2 are the catalog and the top of the page tree; 3 is page 1, 4 its content.
struct pdf {
  std::map<int, std::string> objects;
  std::string catalog;  // more entries of the catalog
  std::string trailer;  // more entries of the trailer
  std::string head = "%PDF-1.5\n";
  int pages = 1;  // beyond the first they are 1001, 1002, ... with no content

  std::string page = "/MediaBox [0 0 300 400] /Contents 4 0 R";  // entries of page 1
  std::string content = "0 0 300 400 re f";

  int add(const std::string& object);  // under the next free number from 10 on
  void info(const std::string& entries);
  void xmp(const std::string& properties);  // inside rdf:Description, with the namespaces of ingest.md 11
  void xmp_packet(const std::string& packet);
  std::string bytes() const;
};

std::string stream(const std::string& data, const std::string& entries = "");
std::string flate(const std::string& data, const std::string& entries = "");  // packed
std::string utf16(const std::u16string&);                                     // a text string
std::string reference(int number);

// A picture as an image XObject.
std::string jpeg_of(int width, int height);
std::string jpeg_object(int width, int height);

}  // namespace carrel::publication::test
