#include "publication/locator/book.hpp"

#include <algorithm>
#include <list>
#include <set>

#include "publication/epub.hpp"
#include "publication/locator/cfi.hpp"
#include "publication/locator/context.hpp"
#include "publication/locator/variant.hpp"
#include "publication/path_names.hpp"
#include "publication/recognise.hpp"

namespace carrel::publication::locator {
namespace {

constexpr std::size_t most_kept = 8, heaviest_kept = 64 << 20;  // documents, and the bytes of them all
constexpr std::string_view xhtml = "application/xhtml+xml";
constexpr std::uint64_t usual_spine = 6;  // behind metadata and manifest; some programs write it whatever the book has

std::string path_of(const epub_package& package, const manifest_item& item) {
  if (item.entry != nullptr) return item.entry->name;
  return resolve_href(package.folder, item.href).value_or(item.href);
}

}  // namespace

struct book::state {
  std::unique_ptr<archive> zip;
  epub_package package;
  limits limit;
  std::vector<std::string> paths;    // of the spine
  std::vector<std::size_t> old_way;  // what KOReader counted before 2024: only XHTML
  std::optional<measure> lengths;
  std::set<std::size_t> unknown;

  struct kept {
    std::size_t index;
    std::shared_ptr<const document> text;
  };
  std::list<kept> recent;  // the last used first

  std::shared_ptr<const document> read(std::size_t index) {
    const manifest_item& item = *package.references[index].item;
    if (item.entry == nullptr || !item.is_document()) return nullptr;
    result<std::string, refusal> bytes = zip->read(*item.entry, limit.content_xml, "xml_too_large");
    if (!bytes) return nullptr;
    std::optional<document> text = document::read(*bytes);
    return text ? std::make_shared<const document>(std::move(*text)) : nullptr;
  }

  void keep(std::size_t index, std::shared_ptr<const document> text) {
    recent.push_front({index, std::move(text)});
    std::size_t weight = 0, count = 0;
    for (auto at = recent.begin(); at != recent.end();) {
      weight += at->text->weight();
      bool fits = ++count <= most_kept && weight <= heaviest_kept;
      at = fits ? std::next(at) : recent.erase(at);
    }
  }
};

book::book(std::unique_ptr<state> s) : state_(std::move(s)) {}
book::~book() = default;

result<std::unique_ptr<book>, refusal> book::open(int descriptor, const std::string& file_name, const limits& limit) {
  std::vector<warning> unheard;
  result<recognised, refusal> found = examine(descriptor, file_name, limit, unheard);
  if (!found) return found.error();
  if ((found->what.format != "epub" && found->what.format != "kepub") || found->zip == nullptr)
    return refusal{"unsupported_type", found->what.format};
  result<epub_package, refusal> package = read_package(*found->zip, limit, unheard);
  if (!package) return package.error();
  if (std::string drm = find_drm(*found->zip, *package, limit, unheard); !drm.empty()) return refusal{"drm_protected", drm};

  auto s = std::make_unique<state>();
  s->zip = std::move(found->zip);
  s->package = std::move(*package);
  s->limit = limit;
  for (const spine_reference& r : s->package.references) {
    if (r.item->media_type == xhtml) s->old_way.push_back(s->paths.size());
    s->paths.push_back(path_of(s->package, *r.item));
  }
  return std::unique_ptr<book>(new book(std::move(s)));
}

std::size_t book::size() const { return state_->paths.size(); }

const std::string& book::path(std::size_t index) const { return state_->paths.at(index); }

std::shared_ptr<const document> book::document_at(std::size_t index) {
  state& s = *state_;
  if (index >= size() || s.unknown.contains(index)) return nullptr;
  auto at = std::find_if(s.recent.begin(), s.recent.end(), [&](const state::kept& k) { return k.index == index; });
  if (at != s.recent.end()) {
    s.recent.splice(s.recent.begin(), s.recent, at);
    return at->text;
  }
  std::shared_ptr<const document> text = s.read(index);
  if (text == nullptr)
    s.unknown.insert(index);
  else
    s.keep(index, text);
  return text;
}

bool book::use(measure stored) {
  const std::vector<measured_document>& all = stored.documents();
  bool fits = std::equal(all.begin(), all.end(), state_->paths.begin(), state_->paths.end(),
                         [](const measured_document& d, const std::string& path) { return d.path == path; });
  if (fits) state_->lengths = std::move(stored);
  return fits;
}

const measure& book::lengths() {
  if (state_->lengths) return *state_->lengths;
  std::vector<measured_document> out;
  for (std::size_t i = 0; i < size(); ++i) {
    std::shared_ptr<const document> d = document_at(i);
    out.push_back({.path = path(i), .nw = d == nullptr ? 0 : d->nw()});
  }
  return state_->lengths.emplace(std::move(out));
}

std::optional<position> book::at(std::size_t index, std::uint64_t nw, quality how) {
  std::shared_ptr<const document> d = document_at(index);
  if (d == nullptr) return std::nullopt;
  std::optional<position> out = lengths().at(index, nw, how);
  context words = context_at(*d, out->nw_offset);
  out->before = std::move(words.before);
  out->after = std::move(words.after);
  return out;
}

std::optional<position> book::at_fraction(double of_book) {
  std::optional<position> rough = lengths().at_fraction(of_book);
  std::optional<position> out = rough ? at(rough->spine_index, rough->nw_offset, quality::fraction) : std::nullopt;
  if (!out) return rough;
  out->total_fraction = rough->total_fraction;
  return out;
}

std::optional<std::size_t> book::index_of_href(std::string_view href) const {
  return path_meant(href, size(), [this](std::size_t i) -> std::string_view { return path(i); });
}

std::optional<std::size_t> book::index_of(const position& p) const {
  if (p.spine_index < size() && (p.href.empty() || p.href == path(p.spine_index))) return p.spine_index;
  auto at = std::find(state_->paths.begin(), state_->paths.end(), p.href);
  if (p.href.empty() || at == state_->paths.end()) return std::nullopt;
  return static_cast<std::size_t>(at - state_->paths.begin());
}

std::optional<position> book::from_xpointer(std::string_view text) {
  std::optional<xpointer> pointer = parse_xpointer(text);
  if (!pointer || (pointer->what != xpointer::kind::fragment && pointer->what != xpointer::kind::anchor)) return std::nullopt;
  auto index = static_cast<std::size_t>(pointer->document);
  std::shared_ptr<const document> d = document_at(index);
  resolved place;
  if (d != nullptr) place = resolve(*d, *pointer);
  const std::vector<std::size_t>& old_way = state_->old_way;
  bool may_be_old = (d == nullptr || !place.whole) && index < old_way.size() && old_way[index] != index;
  if (may_be_old) {
    std::shared_ptr<const document> other = document_at(old_way[index]);
    resolved there = other == nullptr ? resolved{.whole = false} : resolve(*other, *pointer);
    if (there.whole) return at(old_way[index], there.nw, there.how);
  }
  return d == nullptr ? std::nullopt : at(index, place.nw, place.how);
}

std::optional<written_pointer> book::to_xpointer(const position& p, pointer_form wanted) {
  std::optional<std::size_t> index = index_of(p);
  std::shared_ptr<const document> d = index ? document_at(*index) : nullptr;
  return d == nullptr ? std::nullopt : write_xpointer(*d, *index, p.nw_offset, wanted);
}

std::optional<position> book::from_cfi(std::string_view text) {
  std::optional<cfi> c = parse_cfi(text);
  if (!c) return std::nullopt;
  const cfi_step &spine = c->package[0], &item = c->package[1];
  if (spine.number != 2 * state_->package.spine_position && spine.number != usual_spine) return std::nullopt;
  const std::vector<spine_reference>& all = state_->package.references;
  auto with_id = [&](const spine_reference& r) { return r.id == item.id; };
  auto at_position = [&](const spine_reference& r) { return 2 * r.position == item.number; };
  auto found = item.id.empty() ? all.end() : std::find_if(all.begin(), all.end(), with_id);
  if (found == all.end()) found = std::find_if(all.begin(), all.end(), at_position);
  if (found == all.end()) return std::nullopt;
  auto index = static_cast<std::size_t>(found - all.begin());
  std::shared_ptr<const document> d = document_at(index);
  if (d == nullptr) return std::nullopt;
  resolved place = resolve(*d, *c);
  return at(index, place.nw, place.how);
}

std::optional<std::string> book::to_cfi(const position& p) {
  std::optional<std::size_t> index = index_of(p);
  std::shared_ptr<const document> d = index ? document_at(*index) : nullptr;
  if (d == nullptr) return std::nullopt;
  std::size_t item = state_->package.references[*index].position;
  return "epubcfi(/" + std::to_string(2 * state_->package.spine_position) + "/" + std::to_string(2 * item) + "!" +
         write_cfi_steps(*d, p.nw_offset) + ")";
}

std::optional<position> book::from_readium(const readium_locator& l) {
  std::optional<std::size_t> index = index_of_href(l.href);
  std::shared_ptr<const document> d = index ? document_at(*index) : nullptr;
  if (d != nullptr) {
    std::optional<position> rough = lengths().at_fraction_of(*index, l.progression.value_or(0));
    if (std::optional<found_context> found = find_context(*d, l.before, l.highlight + l.after, rough->nw_offset))
      return at(*index, found->nw, found->whole ? quality::exact : quality::element);
    if (l.progression) return at(*index, rough->nw_offset, quality::item);
    std::size_t mark = l.href.find('#');
    std::optional<number> e = mark == l.href.npos ? std::nullopt : d->with_id(std::string_view(l.href).substr(mark + 1));
    if (e) return at(*index, d->elements()[*e].nw, quality::element);
  }
  if (l.total_progression) return at_fraction(*l.total_progression);
  return d != nullptr ? at(*index, 0, quality::item) : std::nullopt;
}

std::optional<readium_locator> book::to_readium(const position& p) {
  std::optional<std::size_t> index = index_of(p);
  std::optional<position> here = index ? at(*index, p.nw_offset, p.how) : std::nullopt;
  if (!here) return std::nullopt;
  return readium_locator{.href = std::move(here->href),
                         .progression = here->item_fraction,
                         .total_progression = here->total_fraction,
                         .before = std::move(here->before),
                         .after = std::move(here->after)};
}

std::optional<position> book::from_variant(const position& p, const measure& from) {
  auto search = [&](std::size_t index, std::uint64_t expected) -> std::optional<context_match> {
    std::shared_ptr<const document> d = document_at(index);
    if (d == nullptr) return std::nullopt;
    std::optional<found_context> found = find_context(*d, p.before, p.after, expected);
    return found ? std::optional(context_match{.nw = found->nw, .whole = found->whole}) : std::nullopt;
  };
  std::optional<position> rough = moved(p, from, lengths(), search);
  if (!rough) return std::nullopt;
  std::optional<position> out = at(rough->spine_index, rough->nw_offset, rough->how);
  if (!out) return rough;
  out->total_fraction = rough->total_fraction;
  return out;
}

}  // namespace carrel::publication::locator
