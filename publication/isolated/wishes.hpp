#pragma once
// What is asked of a child, and what it answers about places, as JSON (protocol.hpp). The reader of an answer trusts nothing of
// it. For the files of this folder only.

#include <string>
#include <string_view>

#include "publication/isolated/pool.hpp"

namespace carrel::publication::isolated {

struct conversion_wish {
  std::string to;
  kepub::options how;
};
std::string wish_json(const conversion_wish&);
result<conversion_wish, refusal> conversion_from_json(std::string_view);

struct copy_wish {
  std::string to, metadata;
};
std::string wish_json(const copy_wish&);
result<copy_wish, refusal> copy_from_json(std::string_view);
std::string copied_json(bool written);
result<bool, refusal> copied_from_json(std::string_view);

std::string wish_json(const place_wish&);
result<place_wish, refusal> wish_from_json(std::string_view);

std::string wish_json(const std::vector<std::string>& quotes);
result<std::vector<std::string>, refusal> quotes_from_json(std::string_view);
std::string found_quotes_json(const std::vector<std::optional<locator::found_quote>>&);
// inspection_crash for another number of answers than of quotes, and for what is no place.
result<std::vector<std::optional<locator::found_quote>>, refusal> found_quotes_from_json(std::string_view, std::size_t quotes);

std::string wish_json(const piece_wish&);
result<piece_wish, refusal> piece_from_json(std::string_view);
// Without the bytes, which go another way.
std::string json_of(const piece&);
result<piece, refusal> read_piece_answer(std::string_view);

// Without the measure, which goes another way.
std::string found_json(const found_place&);
// inspection_crash for anything that no book could answer: fractions that are none, other words than qualities.
result<found_place, refusal> found_from_json(std::string_view);

}  // namespace carrel::publication::isolated
