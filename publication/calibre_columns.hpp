#pragma once
// Columns that people added to their Calibre library: which field each of them is here (ingest.md 9.3, 16).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "publication/metadata.hpp"
#include "publication/people.hpp"

namespace carrel::publication {

struct calibre_column {
  std::string label;  // without "#"
  std::vector<std::string> values;
};

// Labels and the fields that they are, as somebody wrote them down: {"words_de", "tags"}.
using column_mapping = std::vector<std::pair<std::string, std::string>>;
bool is_column_field(std::string_view field);  // subtitle, pages, narrators, translators, publisher, genres or tags

// #subtitle, #pages, #narrators, #genre, and those that `also` names. False when no field holds it.
bool take_column(metadata&, const calibre_column&, const column_mapping& also, std::vector<warning>&);
// What stays of one that no field holds; "" when it is empty.
std::string column_text(const calibre_column&);

// In Calibre a bar stands for a comma, and a name with a comma is one that is to be shown so.
person_name calibre_person(std::string name, const std::string& sort, std::string_view language);

// Where the metadata of a file keep such a column: the key of a fact, and the other way round ("" for any other fact).
std::string column_fact(std::string_view label);
std::string_view label_of_fact(std::string_view fact);
// Facts that `also` names become fields.
void map_column_facts(metadata&, const column_mapping& also);

}  // namespace carrel::publication
