#include "publication/kepub/package.hpp"

#include <algorithm>
#include <pugixml.hpp>
#include <vector>

#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::kepub {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct splice {
  std::size_t at = 0, replaced = 0;
  std::string with;
};

class editor {
 public:
  explicit editor(std::string text) : text_(std::move(text)) {
    good_ = static_cast<bool>(
        tree_.load_buffer(text_.data(), text_.size(), pugi::parse_full | pugi::parse_ws_pcdata, pugi::encoding_utf8));
  }

  bool mark_cover(const std::string& href) {
    pugi::xml_node manifest = child(root(), "manifest");
    auto is_cover = [&](const pugi::xml_node& n) {
      return attribute(n, "href") == href && attribute(n, "media-type").starts_with("image/");
    };
    pugi::xml_node item = manifest.find_child(is_cover);
    if (!item) return false;
    if (std::optional<std::size_t> end = end_of_value(item, "properties"))
      changes_.push_back({*end, 0, text_[*end - 1] == '"' || text_[*end - 1] == '\'' ? "cover-image" : " cover-image"});
    else
      changes_.push_back({behind_name(item), 0, " properties=\"cover-image\""});
    return true;
  }

  bool add_first(const package_changes& in) {
    pugi::xml_node manifest = child(root(), "manifest"), spine = child(root(), "spine");
    if (!manifest.first_child() || !spine.first_child()) return false;
    changes_.push_back({behind_tag(manifest), 0,
                        "<" + prefix_of(manifest) + "item id=\"" + in.title_page_id + "\" href=\"" + in.title_page_href +
                            "\" media-type=\"application/xhtml+xml\"/>"});
    changes_.push_back({behind_tag(spine), 0, "<" + prefix_of(spine) + "itemref idref=\"" + in.title_page_id + "\"/>"});
    return true;
  }

  void declare_utf8() {
    std::string encoding = declared_encoding(text_);
    if (encoding.empty() || equal_ascii_case(encoding, "utf-8")) return;
    std::size_t at = text_.find(encoding, text_.find("encoding"));
    if (at != text_.npos) changes_.push_back({at, encoding.size(), "utf-8"});
  }

  bool good() const { return good_; }

  std::string take() && {
    std::sort(changes_.begin(), changes_.end(), [](const splice& a, const splice& b) { return a.at > b.at; });
    for (const splice& s : changes_) text_.replace(s.at, s.replaced, s.with);
    return std::move(text_);
  }

 private:
  pugi::xml_node root() const { return tree_.document_element(); }

  static std::size_t start_of(const pugi::xml_node& n) { return static_cast<std::size_t>(n.offset_debug()); }
  std::size_t behind_name(const pugi::xml_node& n) const { return start_of(n) + std::string_view(n.name()).size(); }

  std::size_t behind_tag(const pugi::xml_node& n) const {
    char quote = '\0';
    for (std::size_t i = behind_name(n); i < text_.size(); ++i) {
      if (quote != '\0') {
        if (text_[i] == quote) quote = '\0';
      } else if (text_[i] == '"' || text_[i] == '\'') {
        quote = text_[i];
      } else if (text_[i] == '>') {
        return i + 1;
      }
    }
    return text_.size();
  }

  // Where the closing quote of an attribute stands.
  std::optional<std::size_t> end_of_value(const pugi::xml_node& n, std::string_view name) const {
    std::size_t end = behind_tag(n);
    for (std::size_t i = behind_name(n); i < end;) {
      while (i < end && is_blank(text_[i])) ++i;
      std::size_t from = i;
      while (i < end && !is_blank(text_[i]) && text_[i] != '=') ++i;
      std::string_view met = std::string_view(text_).substr(from, i - from);
      std::size_t quote = text_.find_first_of("\"'", i);
      if (quote == text_.npos || quote >= end) return std::nullopt;
      std::size_t close = text_.find(text_[quote], quote + 1);
      if (close == text_.npos) return std::nullopt;
      if (met == name) return close;
      i = close + 1;
    }
    return std::nullopt;
  }

  std::string text_;
  pugi::xml_document tree_;
  std::vector<splice> changes_;
  bool good_ = false;
};

}  // namespace

std::optional<std::string> changed_package(std::string_view bytes, const package_changes& in) {
  editor e(decode_xml(bytes).text);
  if (!e.good()) return std::nullopt;
  if (!in.cover_href.empty() && !e.mark_cover(in.cover_href)) return std::nullopt;
  if (!in.title_page_href.empty() && !e.add_first(in)) return std::nullopt;
  e.declare_utf8();
  return std::move(e).take();
}

}  // namespace carrel::publication::kepub
