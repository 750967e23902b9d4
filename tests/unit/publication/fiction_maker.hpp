#pragma once
// Small FictionBooks for tests.

#include <catch2/catch.hpp>
#include <string>

#include "epub_maker.hpp"

namespace carrel::publication::test {

struct fiction {
  std::string declaration = "<?xml version='1.0' encoding='utf-8'?>";
  std::string prolog;  // in front of the root element
  std::string title =
      "<author><first-name>Ada</first-name><last-name>Lark</last-name></author><book-title>Plain</book-title><lang>en</lang>";
  std::string publish;   // in publish-info
  std::string document;  // in document-info
  std::string body = "<section><title><p>One</p></title><p>A text.</p></section>";
  std::string after;  // behind the first body

  std::string bytes() const {
    return declaration + "\n" + prolog +
           "<FictionBook xmlns='http://www.gribuser.ru/xml/fictionbook/2.0' xmlns:l='http://www.w3.org/1999/xlink'><description>"
           "<title-info>" +
           title + "</title-info><document-info>" + document + "</document-info><publish-info>" + publish +
           "</publish-info></description><body>" + body + "</body>" + after + "</FictionBook>";
  }
};

// Fails the test when it is refused.
inline opened open_fiction(const fiction& f, const std::string& name = "book.fb2") {
  result<opened, refusal> found = open_bytes(f.bytes(), name);
  if (!found) FAIL("refused: " << found.error().code << " " << found.error().detail);
  return *found;
}

}  // namespace carrel::publication::test
