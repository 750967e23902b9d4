#pragma once
// What an opened publication tells about itself: plain values, cleaned (ingest.md 9.3, 17). Carrel's other parts see books
// only through these.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carrel::publication {

struct warning {
  std::string code;    // ingest.md 22
  std::string detail;  // what {} of the message is filled with
  bool operator==(const warning&) const = default;
};

// A refusal: code of ingest.md 22 of class reject, and what {} is filled with.
struct refusal {
  std::string code;
  std::string detail;
};
std::string message_for(const std::string& code, const std::string& detail);  // the English message of ingest.md 22
bool blocks_approval(const std::string& warning_code);                        // class "block"

struct person {
  std::string name, sort;
  std::string role = "aut";  // MARC relator code
  bool operator==(const person&) const = default;
};

struct toc_entry {
  std::string title, href;
  int depth = 0;  // 0 for the top level
};

// Of sound, in milliseconds from the beginning of the book.
struct chapter {
  std::string title;
  std::int64_t start = 0, end = 0;
  bool operator==(const chapter&) const = default;
};

enum class direction { unknown, ltr, rtl };

struct metadata {
  std::string title, subtitle, title_sort;
  std::vector<person> authors;       // role aut, or what 9.3 takes instead
  std::vector<person> contributors;  // everybody else, with role
  std::string series, series_index_text;
  std::optional<double> series_index;
  std::vector<std::string> languages;  // BCP 47, shortest form
  std::string publisher;
  std::string published_on;      // YYYY, YYYY-MM or YYYY-MM-DD; "" unknown
  std::string description_html;  // sanitised XHTML (17.7)
  std::string description_text;
  std::vector<std::string> subjects;
  std::vector<std::string> genres;                               // of formats that tell them from other subjects
  std::optional<double> rating;                                  // 0 to 5
  std::vector<std::pair<std::string, std::string>> identifiers;  // isbn_13, isbn_10, uuid, doi, asin, ... -> value
  direction reading = direction::unknown;
  bool fixed_layout = false;
  bool is_kepub = false;
  int page_count = 0;             // 0 unknown
  std::string page_count_source;  // page_list, counted, calibre, estimate
  std::vector<toc_entry> toc;
  std::int64_t duration = 0;      // of sound, in milliseconds; 0: none, or unknown
  std::vector<chapter> chapters;  // of sound, by their start
  std::string drm;                // "" none; lcp, apple, kobo, adept, amazon, audible, unknown
  std::string epub_version;
  // What no field holds, under its key in book_files.facts ("volume", "story_arc", "src_lang").
  std::vector<std::pair<std::string, std::string>> facts;
};

struct cover_image {
  std::string bytes;  // as found in the file
  std::string mime;
  int width = 0, height = 0;
  std::string entry{};  // its name in the archive
};

// Everything one file tells.
struct opened {
  std::string
      format;  // epub, pdf, cbz, cbr, cb7, mobi, azw3, fb2, txt, m4b, ... (opds.md 5.8 without the dot; "kepub" for a KEPUB)
  metadata about;
  std::optional<cover_image> cover;
  std::string content_hash;  // ingest.md 7.2; "" where not defined
  std::vector<warning> warnings;
  bool described = true;  // false: the type is known but its reader does not exist yet; only the name was used
};

}  // namespace carrel::publication
