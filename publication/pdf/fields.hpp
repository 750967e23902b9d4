#pragma once
// What a PDF tells about itself, from its XMP packet and its Info dictionary (ingest.md 11): each field from the first of them
// that has something to say. For the files of this folder only.

#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"
#include "publication/open.hpp"

namespace carrel::publication::pdf {

// Fills the fields that are empty yet.
class fields {
 public:
  // A title that is the name of the program `producer` is none.
  fields(metadata& about, std::string producer, std::vector<warning>& warnings)
      : about_(about), producer_(std::move(producer)), warnings_(warnings) {}

  void title(std::string_view);
  void authors(const std::vector<std::string>&);  // each may name several people
  void description(std::string_view);
  void subjects(const std::vector<std::string>&);
  void publisher(std::string_view);
  void languages(const std::vector<std::string>&);
  void published_on(const std::vector<std::string>&);
  void identifier(std::string_view value, std::string_view scheme);
  void series(std::string_view name, std::string_view index);
  void rating(std::string_view);  // 0 to 10

 private:
  std::string bounded(std::string_view, std::size_t most, std::string_view field);
  metadata& about_;
  std::string producer_;
  std::vector<warning>& warnings_;
};

// An XMP packet; one that breaks the rules for XML is passed over with a warning.
void fill_from_xmp(fields&, std::string_view packet, const limits&, std::vector<warning>&);

std::vector<std::string> keywords(std::string_view);  // split at commas and semicolons

// What programs write where a person wrote nothing.
bool is_junk_title(std::string_view title, std::string_view producer);
bool is_junk_author(std::string_view name);

}  // namespace carrel::publication::pdf
