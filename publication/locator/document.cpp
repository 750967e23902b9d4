#include "publication/locator/document.hpp"

#include <algorithm>
#include <unordered_map>

#include "publication/content.hpp"
#include "publication/counted.hpp"
#include "publication/xml.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::locator {
namespace {

constexpr std::size_t most_nodes = 1'000'000;

// Lower case, without the prefix, which is cut off pointers, too.
std::string name_of(const pugi::xml_node& n) {
  std::string_view name = n.name();
  return lower_ascii(name.substr(name.rfind(':') + 1));
}

bool is_text(const pugi::xml_node& n) { return n.type() == pugi::node_pcdata || n.type() == pugi::node_cdata; }

}  // namespace

// Walks the tree without recursion: hundred thousand elements inside one another occur.
class document_reader {
 public:
  std::optional<document> read(std::string_view bytes) {
    content_document in;
    parse_whole_content(bytes, in);
    if (!in.complete) return std::nullopt;
    body_ = in.body();
    pugi::xml_node root = in.tree.document_element();
    if (body_) {
      root = body_;
      while (root.parent().type() == pugi::node_element) root = root.parent();
    }
    if (!root || !walk(root)) return std::nullopt;
    out_.nw_ = nw_;
    out_.characters_ = characters_;
    return std::move(out_);
  }

 private:
  struct level {
    number element = none;
    number children = 0;
  };

  bool walk(const pugi::xml_node& root) {
    for (pugi::xml_node at = root; at;) {
      if (out_.elements_.size() + out_.texts_.size() > most_nodes) return false;
      bool inside = false;
      if (at.type() == pugi::node_element) {
        open(at);
        inside = is_walked(at) && at.first_child();
      } else if (is_text(at) && in_body_) {
        say(at.value());
      }
      if (inside) {
        at = at.first_child();
        continue;
      }
      if (at.type() == pugi::node_element) close(at);
      while (at != root && !at.next_sibling()) close(at = at.parent());
      at = at == root ? pugi::xml_node() : at.next_sibling();
    }
    return true;
  }

  // Outside of the body only the path to it is of interest.
  bool is_walked(const pugi::xml_node& n) const {
    if (in_body_) return !is_hidden(n);
    return body_ && n == body_.parent();
  }

  void open(const pugi::xml_node& n) {
    auto self = static_cast<number>(out_.elements_.size());
    element e;
    e.name = name_number(name_of(n));
    e.texts = static_cast<number>(out_.texts_.size());
    e.nw = nw_;
    if (!open_.empty()) {
      level& parent = open_.back();
      e.parent = parent.element;
      e.position = ++parent.children;
    }
    if (n == body_) {
      in_body_ = true;
      out_.body_ = self;
    }
    if (in_body_) remember_id(n, self);
    out_.elements_.push_back(e);
    open_.push_back({.element = self});
  }

  void close(const pugi::xml_node& n) {
    number self = open_.back().element;
    out_.elements_[self].end = static_cast<number>(out_.elements_.size());
    open_.pop_back();
    count_children(self);
    if (n == body_) in_body_ = false;
  }

  void count_children(number parent) {
    counts_.clear();
    for (number c = out_.first_child(parent); c != none; c = out_.next_sibling(c))
      out_.elements_[c].index = ++counts_[out_.elements_[c].name];
    for (number c = out_.first_child(parent); c != none; c = out_.next_sibling(c))
      out_.elements_[c].twins = counts_[out_.elements_[c].name];
  }

  void say(std::string_view text) {
    if (text.empty()) return;
    std::string mended;  // a numeric reference may have named a surrogate
    if (!valid_text(text)) text = mended = replace_invalid_utf8(text);
    const level& parent = open_.back();
    out_.texts_.push_back({.parent = parent.element,
                           .after = parent.children,
                           .begin = out_.text_.size(),
                           .size = text.size(),
                           .nw = nw_,
                           .characters = characters_});
    out_.text_ += text;
    nw_ += count_counted(text);
    characters_ += count_code_points(text);
  }

  void remember_id(const pugi::xml_node& n, number self) {
    std::string id = attribute(n, "id");
    if (!id.empty()) out_.ids_.emplace(std::move(id), self);
    if (out_.names_[name_number(name_of(n))] != "a") return;
    std::string_view anchor = n.attribute("name").value();
    if (!anchor.empty()) out_.ids_.emplace(anchor, self);
  }

  number name_number(const std::string& name) {
    auto [at, fresh] = names_.emplace(name, static_cast<number>(out_.names_.size()));
    if (fresh) out_.names_.push_back(name);
    return at->second;
  }

  document out_;
  pugi::xml_node body_;
  std::vector<level> open_;
  std::unordered_map<std::string, number> names_;
  std::unordered_map<number, number> counts_;  // of names, while the children of one element are looked at
  bool in_body_ = false;
  std::uint64_t nw_ = 0, characters_ = 0;
};

std::optional<document> document::read(std::string_view bytes) { return document_reader().read(bytes); }

std::size_t document::weight() const {
  std::size_t out = text_.size() + elements_.size() * sizeof(element) + texts_.size() * sizeof(text_node);
  return out + ids_.size() * 96;  // a node of the map with its string
}

std::string_view document::raw(number text) const {
  return std::string_view(text_).substr(texts_[text].begin, texts_[text].size);
}

std::optional<number> document::with_id(std::string_view id) const {
  auto at = ids_.find(id);
  return at == ids_.end() ? std::nullopt : std::optional(at->second);
}

number document::first_child(number e) const { return e + 1 < elements_[e].end ? e + 1 : none; }

number document::next_sibling(number e) const {
  number parent = elements_[e].parent, next = elements_[e].end;
  return parent != none && next < elements_[parent].end ? next : none;
}

std::optional<number> document::child(number parent, std::string_view wanted, std::uint64_t index) const {
  for (number c = first_child(parent); c != none; c = next_sibling(c)) {
    if (elements_[c].index == index && name(c) == wanted) return c;
  }
  return std::nullopt;
}

std::optional<number> document::child(number parent, std::uint64_t position) const {
  for (number c = first_child(parent); c != none; c = next_sibling(c)) {
    if (elements_[c].position == position) return c;
  }
  return std::nullopt;
}

std::vector<number> document::texts_of(number parent) const {
  std::vector<number> out;
  number end = elements_[parent].end;
  number behind = end < elements_.size() ? elements_[end].texts : static_cast<number>(texts_.size());
  for (number t = elements_[parent].texts; t < behind; ++t) {
    if (texts_[t].parent == parent) out.push_back(t);
  }
  return out;
}

bool document::is_preformatted(number e) const {
  for (; e != none; e = elements_[e].parent) {
    if (name(e) == "pre" || name(e) == "textarea" || name(e) == "listing") return true;
  }
  return false;
}

int document::depth(number e) const {
  int out = 0;
  for (; elements_[e].parent != none; e = elements_[e].parent) ++out;
  return out;
}

std::optional<spot> document::at(std::uint64_t nw) const {
  if (nw_ == 0) return std::nullopt;
  std::uint64_t wanted = std::min(nw, nw_ - 1);
  auto behind =
      std::upper_bound(texts_.begin(), texts_.end(), wanted, [](std::uint64_t n, const text_node& t) { return n < t.nw; });
  // Of several that begin there the last one has the character.
  auto text = static_cast<number>(behind - texts_.begin() - 1);
  std::string_view s = raw(text);
  std::uint64_t left = wanted - texts_[text].nw;
  std::size_t from = 0, i = 0;
  while (i < s.size()) {
    from = i;
    if (is_counted(next_code_point(s, i)) && left-- == 0) break;
  }
  return spot{.text = text, .byte = nw < nw_ ? from : i};
}

std::uint64_t document::nw_at(const spot& s) const { return texts_[s.text].nw + count_counted(raw(s.text).substr(0, s.byte)); }

}  // namespace carrel::publication::locator
