// What holds for every position of every good book: no form of it loses the place (kosync.md 11, kobo.md 10).
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include "good_books.hpp"
#include "named_texts.hpp"
#include "publication/container.hpp"
#include "publication/content.hpp"
#include "publication/kepub/convert.hpp"
#include "publication/locator/book.hpp"
#include "publication/locator/kobo.hpp"
#include "publication/locator/variant.hpp"
#include "tests/harness/folder.hpp"
#include "zip_maker.hpp"

using namespace carrel;
using namespace carrel::publication;
using locator::pointer_form;
using locator::position;
using locator::quality;
using test::named_text;
namespace fs = std::filesystem;

namespace {

struct figures {
  std::size_t books = 0, documents = 0, texts = 0, places = 0, by_text = 0, by_block = 0, spans = 0, random = 0,
              same_sentence = 0;
};

struct source_book {
  std::string name, bytes, kind;
};

// As programs write it that know HTML only: no XML parser takes it.
std::string as_html(std::string text) {
  std::size_t body = text.find("</body>");
  if (body != text.npos) text.insert(body, "<hr>");
  return text;
}

std::string with_html_documents(const std::string& bytes) {
  test::scratch file(bytes);
  limits limit;
  auto zip = archive::open(file.descriptor(), limit, limit.unpacked);
  REQUIRE(zip);
  std::vector<test::part> parts;
  for (const archive_entry& e : (*zip)->entries()) {
    auto data = (*zip)->read(e, limit.unpacked, "x");
    REQUIRE(data);
    bool document = e.name.ends_with("html") && e.name.find("nav") == e.name.npos;
    parts.push_back({.name = e.name, .data = document ? as_html(*data) : *data, .deflate = e.name != "mimetype"});
  }
  return test::make_zip(parts);
}

std::vector<source_book> all_books(const fs::path& into) {
  std::vector<source_book> out;
  int broken = 0;
  for (const fs::path& path : test::good_books(into)) {
    bool corpus = path.string().starts_with(into.string());
    std::string bytes = harness::read_file(path);
    test::scratch file(bytes);
    result<opened, refusal> about = publication::open(file.descriptor(), path.filename().string());
    std::string version = about && about->about.epub_version.starts_with("2") ? "EPUB 2" : "EPUB 3";
    out.push_back({path.filename().string(), bytes, (corpus ? "corpus, " : "samples, ") + version});
    if (corpus && broken++ < 8) out.push_back({path.filename().string(), with_html_documents(bytes), "corpus, HTML"});
  }
  return out;
}

// A book with its file and its documents as trees.
class opened_book {
 public:
  opened_book(const std::string& name, const std::string& bytes) : file_(bytes) {
    limits limit;
    auto zip = archive::open(file_.descriptor(), limit, limit.unpacked);
    auto found = locator::book::open(file_.descriptor(), name);
    if (!zip || !found) FAIL(name << " is refused");
    zip_ = std::move(*zip);
    places = std::move(*found);
  }
  int descriptor() const { return file_.descriptor(); }

  std::vector<named_text> texts_of(std::size_t index) {
    content_document doc;
    const archive_entry* entry = zip_->find(places->path(index));
    auto bytes = zip_->read(*entry, limits().content_xml, "x");
    REQUIRE(bytes);
    parse_whole_content(*bytes, doc);
    return test::named_texts(doc.body(), "/body/DocFragment[" + std::to_string(index + 1) + "]/body");
  }

  std::unique_ptr<locator::book> places;

 private:
  test::scratch file_;
  std::unique_ptr<archive> zip_;
};

// A place of which KOReader says `pointer`, in every form and back.
void check_place(locator::book& book, const std::string& pointer, const named_text& text, std::size_t index, std::uint64_t nw,
                 figures& sum) {
  std::optional<position> at = book.from_xpointer(pointer);
  REQUIRE(at);
  CHECK(at->spine_index == index);
  CHECK(at->nw_offset == nw);
  CHECK(at->how == quality::exact);
  at = book.at(index, nw);
  REQUIRE(at);
  std::optional<locator::written_pointer> written = book.to_xpointer(*at);
  REQUIRE(written);
  bool shallow = std::count(pointer.begin(), pointer.end(), '/') <= 16;
  if (text.certain && shallow) CHECK(written->text == pointer);
  if (!text.certain) CHECK(written->form != pointer_form::text);
  std::optional<position> again = book.from_xpointer(written->text);
  REQUIRE(again);
  CHECK(again->spine_index == index);
  CHECK(again->how == quality::exact);
  CHECK(again->nw_offset == written->nw);
  CHECK((written->form == pointer_form::text ? written->nw == nw : written->nw <= nw));
  std::optional<locator::written_pointer> twice = book.to_xpointer(*again, written->form);
  REQUIRE(twice);
  CHECK(twice->nw == written->nw);
  ++sum.places;
  ++(written->form == pointer_form::text ? sum.by_text : sum.by_block);

  std::optional<std::string> cfi = book.to_cfi(*at);
  REQUIRE(cfi);
  again = book.from_cfi(*cfi);
  REQUIRE(again);
  CHECK(again->spine_index == index);
  CHECK(again->nw_offset == nw);
  CHECK(again->how == quality::exact);
  CHECK(book.to_cfi(*again) == cfi);

  if (sum.places % 16 != 0) return;  // every search goes through the whole document
  std::optional<locator::readium_locator> l = book.to_readium(*at);
  REQUIRE(l);
  again = book.from_readium(*l);
  REQUIRE(again);
  CHECK(again->spine_index == index);
  CHECK(again->nw_offset == nw);
}

void check_documents(opened_book& book, figures& sum) {
  for (std::size_t index = 0; index < book.places->size(); ++index) {
    auto d = book.places->document_at(index);
    if (d == nullptr || d->body() == locator::none) continue;
    ++sum.documents;
    std::vector<named_text> texts = book.texts_of(index);
    REQUIRE(texts.size() == d->texts().size());
    std::uint64_t characters = 0;
    for (const named_text& t : texts) {
      const locator::text_node& stored = d->texts()[static_cast<std::size_t>(&t - texts.data())];
      CHECK(stored.nw == t.nw);
      CHECK(stored.characters == characters);
      characters += t.raw.size();
      ++sum.texts;
      std::uint64_t nw = t.nw;
      std::size_t from = 0;
      for (std::size_t place : test::places_in(t.raw)) {
        nw += static_cast<std::uint64_t>(std::count_if(t.raw.begin() + static_cast<std::ptrdiff_t>(from),
                                                       t.raw.begin() + static_cast<std::ptrdiff_t>(place), test::counts));
        from = place;
        std::string pointer = test::pointer_to(t, place);
        INFO(pointer);
        check_place(*book.places, pointer, t, index, nw, sum);
      }
    }
    CHECK(d->characters() == characters);
  }
}

// The same characters count in both files.
void check_counts(locator::book& source, locator::book& made, const kepub::span_map& map) {
  for (const locator::measured_document& d : source.lengths().documents()) {
    INFO(d.path);
    auto in_map = map.document_named(d.path);
    auto in_file = made.lengths().document_named(d.path);
    REQUIRE(in_map);
    REQUIRE(in_file);
    CHECK(map.documents()[*in_map].nw == d.nw);
    CHECK(made.lengths().documents()[*in_file].nw == d.nw);
    auto text = made.document_at(*in_file);
    if (text == nullptr) continue;
    for (const kepub::span_start& s : map.documents()[*in_map].spans)
      CHECK(text->elements()[text->with_id(s.id.text()).value()].nw == s.nw);
  }
}

// Every span that has counted text is its own place.
void check_spans(const kepub::span_map& map, figures& sum) {
  for (const kepub::mapped_document& d : map.documents()) {
    for (std::size_t i = 0; i < d.spans.size(); ++i) {
      std::uint64_t end = i + 1 < d.spans.size() ? d.spans[i + 1].nw : d.nw;
      if (end == d.spans[i].nw) continue;
      ++sum.spans;
      std::optional<position> at = locator::from_kobo(map, d.path, d.spans[i].id.text(), std::nullopt, std::nullopt);
      REQUIRE(at);
      CHECK(at->nw_offset == d.spans[i].nw);
      CHECK(at->href == d.path);
      std::optional<kepub::location> back = locator::to_kobo(map, *at);
      REQUIRE(back);
      CHECK(back->source == d.path);
      CHECK(back->value == d.spans[i].id.text());
    }
  }
}

// From KOReader on the EPUB to a Kobo with the KEPUB, and back.
void check_round_trip(opened_book& source, const kepub::span_map& map, const std::string& pointer, figures& sum) {
  INFO(pointer);
  locator::measure made = locator::measure_of(map);
  std::optional<position> was = source.places->from_xpointer(pointer);
  REQUIRE(was);
  std::optional<position> on_kobo = locator::moved(*was, source.places->lengths(), made);
  REQUIRE(on_kobo);
  CHECK(on_kobo->nw_offset == was->nw_offset);
  std::optional<kepub::location> told = locator::to_kobo(map, *on_kobo);
  REQUIRE(told);
  std::optional<position> heard = locator::from_kobo(map, told->source, told->value, told->in_document, told->in_book);
  REQUIRE(heard);
  std::optional<position> back = source.places->from_variant(*heard, made);
  REQUIRE(back);
  std::optional<locator::written_pointer> written = source.places->to_xpointer(*back);
  REQUIRE(written);
  std::optional<position> is = source.places->from_xpointer(written->text);
  REQUIRE(is);
  CHECK(is->spine_index == was->spine_index);
  CHECK(is->nw_offset <= was->nw_offset);
  std::size_t document = map.document_named(was->href).value();
  ++sum.random;
  if (map.span_at(document, is->nw_offset) == map.span_at(document, was->nw_offset)) ++sum.same_sentence;
}

struct made_kepub {
  std::string bytes;
  std::optional<kepub::span_map> map;
};

made_kepub converted(const opened_book& book, const std::string& name, const fs::path& to) {
  result<kepub::made, refusal> made = kepub::convert(book.descriptor(), name, to);
  if (!made) return {};
  return {.bytes = harness::read_file(to), .map = kepub::span_map::unpack(made->span_map)};
}

std::string line_of(const std::string& kind, const figures& f) {
  auto share = [](std::size_t part, std::size_t whole) {
    return whole == 0 ? std::string("-") : std::to_string(static_cast<double>(part) * 100 / static_cast<double>(whole));
  };
  return kind + ": books " + std::to_string(f.books) + ", documents " + std::to_string(f.documents) + ", texts " +
         std::to_string(f.texts) + ", places " + std::to_string(f.places) + ", as text " + share(f.by_text, f.places) +
         " %, spans " + std::to_string(f.spans) + ", random " + std::to_string(f.random) + ", same sentence " +
         share(f.same_sentence, f.random) + " %\n";
}

constexpr std::size_t random_places = 160;  // in every book, more than 10,000 in all

}  // namespace

TEST_CASE("a position comes back from every form, and from a Kobo to the same sentence") {
  harness::scratch_folder folder;
  std::vector<source_book> books = all_books(folder.path / "corpus");
  if (books.empty()) {
    WARN("neither samples nor corpus are here");
    return;
  }
  std::map<std::string, figures> sums;
  std::mt19937 random(11);
  for (const source_book& b : books) {
    INFO(b.kind << ": " << b.name);
    figures& sum = sums[b.kind];
    ++sum.books;
    opened_book source(b.name, b.bytes);
    check_documents(source, sum);
    made_kepub made = converted(source, b.name, folder.path / "out.kepub.epub");
    if (!made.map) continue;
    opened_book kobo("out.kepub.epub", made.bytes);
    check_counts(*source.places, *kobo.places, *made.map);
    check_spans(*made.map, sum);
    check_documents(kobo, sums["made KEPUBs"]);

    std::vector<named_text> texts;
    std::vector<std::size_t> weights;  // a long text is read for longer
    for (std::size_t i = 0; i < source.places->size(); ++i) {
      if (source.places->document_at(i) == nullptr) continue;
      for (named_text& t : source.texts_of(i)) {
        if (t.path.empty()) continue;
        weights.push_back(t.raw.size());
        texts.push_back(std::move(t));
      }
    }
    std::discrete_distribution<std::size_t> any(weights.begin(), weights.end());
    for (std::size_t n = 0; n < random_places && !texts.empty(); ++n) {
      const named_text& t = texts[any(random)];
      check_round_trip(source, *made.map, test::pointer_to(t, random() % (t.raw.size() + 1)), sum);
    }
  }
  figures all;
  for (const auto& [kind, f] : sums) {
    if (std::getenv("CARREL_LOCATOR_FIGURES") != nullptr) std::cout << line_of(kind, f);
    all.random += f.random;
    all.same_sentence += f.same_sentence;
    INFO(line_of(kind, f));
    CHECK(f.same_sentence * 100 >= f.random * 99);
  }
  CHECK(all.random >= 10'000);
}
