#pragma once
// What the pages of the inbox say of a book that waits.

#include <string>
#include <vector>

#include "library/review.hpp"
#include "web/messages.hpp"
#include "web/view.hpp"

namespace carrel::web {

std::string sure_words(const messages&, const library::queue_note&);    // "90 % sure, by the file"
std::string first_reason(const messages&, const library::queue_note&);  // "" there is none
std::vector<view> warning_views(const messages&, const std::vector<publication::warning>&);

}  // namespace carrel::web
