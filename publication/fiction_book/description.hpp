#pragma once
// What a FictionBook tells about itself: its element description (ingest.md 13). For the files of this folder only.

#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "publication/metadata.hpp"

namespace carrel::publication::fiction_book {

metadata describe(const pugi::xml_node& root, std::vector<warning>&);

// The name of a genre by its code; "" when nobody knows it.
std::string_view genre_name(std::string_view code);

// The markup of an annotation as HTML, not yet sanitised.
std::string annotation_html(const pugi::xml_node& annotation);

}  // namespace carrel::publication::fiction_book
