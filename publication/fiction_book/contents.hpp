#pragma once
// Text and structure of a FictionBook (ingest.md 7.2, 9.7). For the files of this folder only.

#include <string>
#include <vector>

#include "publication/fiction_book/pictures.hpp"
#include "publication/fiction_book/tree.hpp"

namespace carrel::publication::fiction_book {

struct contents {
  std::string hash;  // "" when the text is not all there, or there is none
  int pages = 0;     // the estimate of 9.8
};
contents read_contents(const book_tree&, const pictures&, const std::optional<cover_image>&, const limits&);

std::vector<toc_entry> read_toc(const pugi::xml_node& root, std::vector<warning>&);

}  // namespace carrel::publication::fiction_book
