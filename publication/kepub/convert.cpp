#include "publication/kepub/convert.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "publication/content.hpp"
#include "publication/corrected.hpp"
#include "publication/counted.hpp"
#include "publication/epub.hpp"
#include "publication/kepub/package.hpp"
#include "publication/kepub/title_page.hpp"
#include "publication/opf_edit.hpp"
#include "publication/repack.hpp"
#include "server/core/text.hpp"

namespace carrel::publication::kepub {
namespace {

constexpr std::string_view title_name = "carrel-titlepage";

std::string css_of(const options& o) {
  std::string out;
  if (o.hyphenation == hyphens::on)
    out +=
        " * { hyphens: auto; -webkit-hyphens: auto; -webkit-hyphenate-limit-before: 3; -webkit-hyphenate-limit-after: 3; "
        "-webkit-hyphenate-limit-lines: 2; } h1, h2, h3, h4, h5, h6, td { hyphens: none; -webkit-hyphens: none; }";
  if (o.hyphenation == hyphens::never) out += " * { hyphens: none !important; -webkit-hyphens: none !important; }";
  if (o.fullscreen_fix) out += " body, div#book-columns, div#book-inner { margin: 0; padding: 0; }";
  return o.css.empty() ? out : out + " " + o.css;
}

// What other programs leave behind in books (3).
bool is_left_out(const archive_entry& e) {
  static constexpr std::array<std::string_view, 6> names{
      "calibre_bookmarks.txt", "itunesmetadata.plist", "itunesartwork", "itunesartwork.plist", ".ds_store", "thumbs.db"};
  if (e.is_folder() || e.symlink || e.encrypted || e.name.starts_with("__MACOSX/")) return true;
  std::string base = lower_ascii(e.name.substr(e.name.rfind('/') + 1));
  return std::find(names.begin(), names.end(), base) != names.end();
}

// The file as it is, under its name only when all of it is there.
std::optional<refusal> copy_file(int source, const std::filesystem::path& to) {
  std::string pattern = to.string() + ".XXXXXX";
  int out = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (out < 0) return refusal{"kepub_failed", std::strerror(errno)};
  std::vector<char> buffer(1 << 20);
  off_t at = 0;
  ssize_t n = 0;
  bool good = ::fchmod(out, 0644) == 0;
  while (good && (n = ::pread(source, buffer.data(), buffer.size(), at)) > 0) {
    for (ssize_t done = 0, m = 0; good && done < n; done += m) {
      m = ::write(out, buffer.data() + done, static_cast<std::size_t>(n - done));
      good = m > 0;
    }
    at += n;
  }
  good = good && n == 0;
  good = ::close(out) == 0 && good;
  if (good && ::rename(pattern.c_str(), to.c_str()) == 0) return std::nullopt;
  refusal why{"kepub_failed", std::strerror(errno)};
  ::unlink(pattern.c_str());
  return why;
}

class conversion {
 public:
  conversion(archive& zip, epub_package package, const options& o, const limits& limit, made& out)
      : zip_(zip),
        package_(std::move(package)),
        options_(o),
        limit_(limit),
        out_(out),
        told_(told_by(o)),
        style_{.css = css_of(o), .smart_punctuation = o.smart_punctuation} {}

  // False: some document of the spine has spans already.
  bool convert_documents() {
    std::unordered_set<const archive_entry*> in_spine, untouched;
    for (const spine_item& s : package_.spine) {
      in_spine.insert(s.item->entry);
      if (is_pre_paginated(s)) untouched.insert(s.item->entry);
    }
    for (const manifest_item& i : package_.items) {
      if (i.entry == nullptr || !i.is_document() || untouched.contains(i.entry)) continue;
      if (has_token(i.properties, "nav") && !in_spine.contains(i.entry)) continue;
      if (!untouched.insert(i.entry).second) continue;  // once
      if (convert_one(*i.entry, in_spine.contains(i.entry))) continue;
      maps_.clear();  // the file will be copied, and hold what it holds
      documents_.clear();
      return false;
    }
    return true;
  }

  // Of the converted file, and how many spans it has; documents that were kept count, too.
  void take_map(made& out) {
    std::vector<std::string> documents;
    documents.reserve(package_.spine.size() + 1);
    if (!title_page_.empty()) documents.push_back(span_map::packed({.path = title_page_}));
    for (const spine_item& s : package_.spine) {
      auto known = maps_.find(s.item->entry);
      if (known == maps_.end()) known = maps_.emplace(s.item->entry, packed(read_map(*s.item))).first;
      documents.push_back(known->second.bytes);
      out.spans += known->second.spans;
    }
    out.span_map = span_map::pack(documents);
  }

  // The documents of a KEPUB stay, but its package may have to say something else. False: it does not.
  result<bool, refusal> write_package_alone(const std::filesystem::path& to) {
    std::optional<std::string> package = told_ ? changed({}) : std::nullopt;
    if (!package) return false;
    repacked out(zip_, to);
    out.put("mimetype", stored("application/epub+zip"));
    for (const archive_entry& e : zip_.entries()) {
      if (e.name == package_.path)
        out.put(e.name, deflated(*package));
      else if (!e.is_folder() && !e.symlink && !out.copy(e))
        return false;
    }
    if (std::optional<refusal> why = out.finish()) return *why;
    return true;
  }

  std::optional<refusal> write(const std::filesystem::path& to) {
    repacked out(zip_, to);
    out.put("mimetype", stored("application/epub+zip"));
    package_changes changes{.cover_href = cover_to_mark(), .title_page_href = {}, .title_page_id = {}};
    std::string title_document = needed_title_page(changes);
    std::optional<std::string> package;
    if (changes.any() || told_) package = changed(changes);
    for (const archive_entry& e : zip_.entries()) {
      auto document = documents_.find(&e);
      if (is_left_out(e))
        continue;
      else if (document != documents_.end())
        out.put(e.name, std::move(document->second));
      else if (package && e.name == package_.path)
        out.put(e.name, deflated(*package));
      else if (!out.copy(e))
        warn(out_.warnings, "archive_unsupported_method", e.name);
    }
    if (package && !title_document.empty()) {
      title_page_ = in_folder(changes.title_page_href);
      out.put(title_page_, deflated(title_document));
    }
    return out.finish();
  }

 private:
  bool convert_one(const archive_entry& e, bool in_spine) {
    result<std::string, refusal> bytes = zip_.read(e, limit_.content_xml, "xml_too_large");
    if (!bytes) return keep(e);
    result<document, kept> made = convert_document(*bytes, style_);
    if (!made && made.error() == kept::has_spans) return !in_spine;
    if (!made) return made.error() == kept::no_body || keep(e);
    if (made->removed > 0) warn(out_.warnings, "text_invalid_utf8", e.name);
    maps_.emplace(&e, packed({e.name, made->characters, made->nw, std::move(made->spans)}));
    documents_.emplace(&e, deflated(made->bytes));
    return true;
  }

  // At once: of a long book the starts of all spans would take much memory.
  struct packed_map {
    std::string bytes;
    std::size_t spans;
  };
  static packed_map packed(const mapped_document& d) { return {span_map::packed(d), d.spans.size()}; }

  // A document as it stands in the file, perhaps with spans.
  mapped_document read_map(const manifest_item& item) {
    mapped_document out{.path = item.entry->name};
    if (!item.is_document()) return out;
    result<std::string, refusal> bytes = zip_.read(*item.entry, limit_.content_xml, "xml_too_large");
    if (!bytes) return out;
    content_document doc;
    parse_whole_content(*bytes, doc);
    pugi::xml_node body = doc.body();
    for (pugi::xml_node at = body.first_child(); at;) {
      bool text = at.type() == pugi::node_pcdata || at.type() == pugi::node_cdata;
      if (text) {
        out.characters += count_code_points(at.value());
        out.nw += count_counted(at.value());
      }
      std::optional<span_id> span = is_kobo_span(at) ? parse_span(at.attribute("id").value()) : std::nullopt;
      if (span) out.spans.push_back({*span, out.characters, out.nw});
      at = next_node(at, body, is_hidden(at));
    }
    return out;
  }

  bool keep(const archive_entry& e) {
    warn(out_.warnings, "kepub_document_kept", e.name);
    return true;
  }

  // 4: what the device looks for when a file is copied by hand.
  std::string cover_to_mark() {
    bool marked = std::any_of(package_.items.begin(), package_.items.end(),
                              [](const manifest_item& i) { return has_token(i.properties, "cover-image"); });
    if (marked) return {};
    std::vector<warning> ignored;
    int pages = 0;
    std::string landmark;
    read_toc(zip_, package_, limit_, pages, landmark, ignored);
    std::optional<cover_image> cover = find_cover(zip_, package_, landmark, limit_, ignored);
    if (!cover) return {};
    for (const manifest_item& i : package_.items) {
      if (i.entry != nullptr && i.entry->name == cover->entry && i.media_type.starts_with("image/")) return i.href;
    }
    return {};
  }

  std::string needed_title_page(package_changes& changes) {
    const manifest_item* first = options_.title_page ? first_shown(package_) : nullptr;
    if (first == nullptr || !documents_.contains(first->entry)) return {};
    result<std::string, refusal> bytes = zip_.read(*first->entry, limit_.content_xml, "xml_too_large");
    if (!bytes || !looks_like_text(*first, *bytes)) return {};
    std::string name(title_name);
    for (int n = 2; package_.item(name) != nullptr || zip_.find(in_folder(name + ".xhtml")) != nullptr; ++n)
      name = std::string(title_name) + std::to_string(n);
    changes.title_page_id = name;
    changes.title_page_href = name + ".xhtml";
    std::vector<warning> ignored;
    return title_page(told_ && !told_->title.empty() ? told_->title : package_metadata(package_.root, ignored).title);
  }

  std::string in_folder(const std::string& name) const { return package_.folder.empty() ? name : package_.folder + "/" + name; }

  std::optional<std::string> changed(const package_changes& changes) {
    const archive_entry* entry = zip_.find(package_.path);
    result<std::string, refusal> bytes = zip_.read(*entry, limit_.package_xml, "xml_too_large");
    if (!bytes) return std::nullopt;
    std::optional<std::string> edited = told_ ? edited_by_library(*bytes) : std::nullopt;
    if (!changes.any()) return edited;
    return changed_package(edited ? *edited : *bytes, changes);
  }

  // Nothing when it says all of it already, or cannot be changed safely.
  std::optional<std::string> edited_by_library(const std::string& bytes) {
    result<edited_package, refusal> out = edit_package(bytes, *told_, limit_);
    if (!out) warn(out_.warnings, "metadata_not_written", out.error().detail);
    return out && out->changed ? std::optional(std::move(out->text)) : std::nullopt;
  }

  static std::optional<corrected> told_by(const options& o) {
    result<corrected> told = o.metadata.empty() ? result<corrected>(error{}) : corrected_from_json(o.metadata);
    return told ? std::optional(std::move(*told)) : std::nullopt;
  }

  archive& zip_;
  epub_package package_;
  const options& options_;
  const limits& limit_;
  made& out_;
  std::optional<corrected> told_;
  document_options style_;
  std::unordered_map<const archive_entry*, packed_bytes> documents_;
  std::unordered_map<const archive_entry*, packed_map> maps_;
  std::string title_page_;  // its path, when there is one
};

}  // namespace

options options_from(const config& c) {
  const std::string& hyphenation = c.text("kepub.hyphenation");
  options out;
  if (hyphenation == "on") out.hyphenation = hyphens::on;
  if (hyphenation == "never") out.hyphenation = hyphens::never;
  out.max_size = c.bytes("kepub.max_size");
  out.title_page = c.text("kepub.title_page") == "auto";
  out.smart_punctuation = c.on("kepub.smart_punctuation");
  out.fullscreen_fix = c.on("kepub.fullscreen_fix");
  out.css = c.text("kepub.css");
  return out;
}

result<made, refusal> convert(int source, const std::string& file_name, const std::filesystem::path& to, const options& options,
                              const limits& limit) {
  struct stat facts {};
  if (::fstat(source, &facts) != 0) return refusal{"source_unreadable", ""};
  if (static_cast<std::uint64_t>(facts.st_size) > options.max_size)
    return refusal{"kepub_too_large", std::to_string(options.max_size >> 20) + " MiB"};
  made out;
  result<epub_to_rewrite, refusal> book = open_for_rewriting(source, file_name, limit);
  if (!book) return book.error();
  std::vector<warning> unheard;
  epub_package& package = book->package;
  if (is_fixed_layout(*book->zip, package, package_metadata(package.root, unheard), limit))
    return refusal{"kepub_fixed_layout", ""};

  conversion work(*book->zip, std::move(package), options, limit, out);
  out.copied = !work.convert_documents();
  if (out.copied) {
    out.warnings.clear();
    result<bool, refusal> rewritten = work.write_package_alone(to);
    if (!rewritten) return rewritten.error();
    out.copied = !*rewritten;
    if (std::optional<refusal> why = out.copied ? copy_file(source, to) : std::nullopt) return *why;
  } else if (std::optional<refusal> why = work.write(to)) {
    return *why;
  }
  work.take_map(out);
  return out;
}

}  // namespace carrel::publication::kepub
