#include "opds/negotiation.hpp"

#include <optional>
#include <string>
#include <vector>

#include "server/core/text.hpp"

namespace carrel::opds {
namespace {

struct wish {
  std::string type;  // without parameters, lower case
  double quality = 1;
};

// A quality that is none counts as 1: the client did name the type.
double quality_of(std::string_view parameter) {
  std::optional<double> q = to_double(trim(parameter.substr(parameter.find('=') + 1)));
  return q && *q >= 0 && *q <= 1 ? *q : 1;
}

std::vector<wish> wishes_in(std::string_view accept) {
  std::vector<wish> out;
  for (std::string_view item : split(accept, ',')) {
    std::vector<std::string> parts = split(item, ';');
    wish w{.type = lower_ascii(trim(parts.front()))};
    for (std::size_t i = 1; i < parts.size(); ++i) {
      std::string_view parameter = trim(parts[i]);
      if (parameter.starts_with("q=") || parameter.starts_with("Q=")) w.quality = quality_of(parameter);
    }
    if (!w.type.empty()) out.push_back(std::move(w));
  }
  return out;
}

double wanted(const std::vector<wish>& all, std::string_view type) {
  for (std::string_view form : {type, std::string_view("application/*"), std::string_view("*/*")}) {
    std::optional<double> best;
    for (const wish& w : all) {
      if (w.type == form && w.quality > best.value_or(-1)) best = w.quality;
    }
    if (best) return *best;
  }
  return 0;
}

// Takes the first word of the path: of /opds/v2/new opds; slashes in a row and at the end count once. "" when there is none.
std::string_view take_word(std::string_view& path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  std::string_view word = path.substr(0, path.find('/'));
  path.remove_prefix(word.size());
  return word;
}

}  // namespace

bool prefers_json(std::string_view accept) {
  std::vector<wish> all = wishes_in(accept);
  return wanted(all, "application/opds+json") > wanted(all, "application/atom+xml");
}

bool is_common_root(const http::request& in) {
  std::string_view path = in.path();
  return take_word(path) == "opds" && take_word(path).empty();
}

form form_of(const http::request& in) {
  std::string_view path = in.path();
  std::string_view first = take_word(path), second = take_word(path);
  bool json = second.empty() && !first.empty() ? prefers_json(in.header("Accept").value_or("")) : second == "v2";
  return json ? form::json : form::atom;
}

}  // namespace carrel::opds
