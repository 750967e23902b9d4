#pragma once
// Every address a document of the catalog holds, made absolute (opds.md 2.4, 2.5).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/book.hpp"
#include "opds/feed_model.hpp"
#include "server/core/uuid.hpp"

namespace carrel::opds {

using params = std::vector<std::pair<std::string, std::string>>;

// Media types of links; responses of Atom add the charset (opds.md 2.1).
std::string_view type_of(kind, form = form::atom);
std::string_view entry_type(form);
inline constexpr std::string_view search_type = "application/opensearchdescription+xml";

// A feed of the tree: its path below /opds and the parameters that make it another list. Cursor and page size are no part of it.
struct place {
  std::string path;
  params filters;
};

// The same in alphabetical order, so that equal pages have equal addresses. "" or "?a=1&b=2".
std::string query_text(params);

std::string feed_id(const uuid& instance, const place&);     // of all pages of the feed
std::string section_id(const uuid& instance, const place&);  // of the line that leads to it

// How cover links are made to work without a password (opds.md 3.9); window 0 leaves them unsigned.
struct cover_signing {
  std::string key;
  std::int64_t window = 0;
  std::string signature(const uuid& book, int size, std::string_view version, std::int64_t in_window) const;
};

// A path in an archive as the path of an address, its fragment included.
std::string encoded_path(std::string_view path);

class addresses {
 public:
  addresses(std::string base, std::optional<int> page_size, opds::form form = form::atom)
      : base_(std::move(base)), page_size_(page_size), form_(form) {}

  const std::string& base() const { return base_; }
  opds::form form() const { return form_; }
  addresses in(opds::form other) const { return {base_, page_size_, other}; }
  std::string_view type(kind k) const { return type_of(k, form_); }
  std::string root() const { return feed({"", {}}); }
  // Carries the page size that was asked for; `extra` is a cursor.
  std::string feed(const place&, const params& extra = {}) const;
  std::string search_template() const;
  std::string search_description() const;
  std::string entry(const uuid& book) const { return tree() + "/books/" + book.text(); }
  std::string download(const library::book_file&) const;
  std::string cover(const uuid& book, int size, const library::cover_ref&, const cover_signing&) const;
  // Books read piece by piece, and places in them.
  std::string stream(const uuid& file) const { return base_ + "/opds/pse/" + file.text() + "/{pageNumber}?w={maxWidth}"; }
  std::string page(const uuid& file, int from_one) const;
  std::string resource(const uuid& file, std::string_view path) const;  // with a fragment
  std::string track(const uuid& file) const { return base_ + "/opds/audio/" + file.text() + "/1"; }
  std::string manifest(const uuid& book) const { return base_ + "/opds/v2/books/" + book.text() + "/manifest"; }
  std::string positions(const uuid& book) const { return base_ + "/opds/v2/books/" + book.text() + "/positions"; }
  std::string progression(const uuid& book) const { return base_ + "/opds/books/" + book.text() + "/progression"; }
  std::string locator(const uuid& book) const { return base_ + "/opds/books/" + book.text() + "/locator"; }
  std::string icon() const { return base_ + "/opds/icon.png"; }
  std::string auth_document() const { return base_ + "/opds/auth.json"; }
  std::string tag_scheme() const { return base_ + "/ns/tag"; }

 private:
  std::string tree() const { return base_ + (form_ == form::json ? "/opds/v2" : "/opds"); }

  std::string base_;
  std::optional<int> page_size_;
  opds::form form_;
};

}  // namespace carrel::opds
