#include <algorithm>
#include <array>

#include "publication/fiction_book/description.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::fiction_book {
namespace {

constexpr std::size_t enough = 512 << 10;  // eight times what a description may have
constexpr std::size_t most_open = 32;      // deeper markup is left out: its text stays

// Under their names in HTML. A line of a poem ends with a break; what is not here is only a wrapper.
std::string_view html_name(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> known{{{"p", "p"},
                                                                                        {"emphasis", "em"},
                                                                                        {"strong", "strong"},
                                                                                        {"strikethrough", "s"},
                                                                                        {"sub", "sub"},
                                                                                        {"sup", "sup"},
                                                                                        {"a", "a"},
                                                                                        {"subtitle", "h4"},
                                                                                        {"cite", "blockquote"},
                                                                                        {"epigraph", "blockquote"},
                                                                                        {"stanza", "p"},
                                                                                        {"text-author", "p"},
                                                                                        {"tr", "p"}}};
  auto found = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.first == name; });
  return found == known.end() ? std::string_view() : found->second;
}

class writer {
 public:
  std::string write(const pugi::xml_node& root) {
    out_ = "<div>";
    for (pugi::xml_node at = root.first_child(); at && out_.size() < enough;) {
      enter(at);
      if (at.first_child()) {
        at = at.first_child();
        continue;
      }
      leave(at);
      while (at && !at.next_sibling()) {
        at = at.parent();
        if (at == root) return out_ + "</div>";
        leave(at);
      }
      at = at.next_sibling();
    }
    return out_;
  }

 private:
  void enter(const pugi::xml_node& at) {
    if (at.type() == pugi::node_pcdata || at.type() == pugi::node_cdata) {
      out_ += html_escape(std::string_view(at.value()).substr(0, enough));
      return;
    }
    if (at.type() != pugi::node_element) return;
    std::string_view name = html_name(local_name(at));
    if (open_.size() >= most_open) name = {};
    open_.push_back(name);
    if (name.empty()) return;
    out_ += "<" + std::string(name);
    if (name == "a") out_ += " href=\"" + html_escape(attribute(at, "href")) + "\"";
    out_ += ">";
  }

  void leave(const pugi::xml_node& at) {
    if (at.type() != pugi::node_element) return;
    if (local_name(at) == "v") out_ += "<br>";
    if (!open_.back().empty()) out_ += "</" + std::string(open_.back()) + ">";
    open_.pop_back();
  }

  std::string out_;
  std::vector<std::string_view> open_;  // of every element from the root to here; empty for those not written
};

}  // namespace

std::string annotation_html(const pugi::xml_node& annotation) { return annotation ? writer().write(annotation) : std::string(); }

}  // namespace carrel::publication::fiction_book
