#pragma once
// An EPUB's package document and what hangs on it (ingest.md 9). For the files of this folder only.

#include <string>
#include <unordered_map>
#include <vector>

#include "publication/container.hpp"
#include "publication/opf.hpp"
#include "publication/xml.hpp"

namespace carrel::publication {

struct manifest_item {
  std::string id, href, media_type, properties;
  const archive_entry* entry = nullptr;  // null when it is not in the archive
  bool outside = false;                  // the href leaves the container
  bool other_case = false;               // found only without regard to case
  bool is_document() const {
    return media_type == "application/xhtml+xml" || media_type == "text/html" || media_type == "text/x-oeb1-document";
  }
};

struct spine_item {
  const manifest_item* item = nullptr;
  std::string properties;
};

// An itemref that names an item of the manifest, whether it is in the archive or not: what others count by.
struct spine_reference {
  const manifest_item* item = nullptr;
  std::size_t position = 0;  // among the elements of the spine, from 1
  std::string id;
};

struct epub_package {
  std::string path, folder;  // of the package document
  xml_tree tree;
  pugi::xml_node root;
  std::vector<manifest_item> items;
  std::unordered_map<std::string, std::size_t> by_id;  // the first of an id
  std::vector<spine_item> spine;                       // those whose item exists in the manifest and in the archive

  std::vector<spine_reference> references;
  std::size_t spine_position = 0;  // of the spine among the elements of the package, from 1; 0: there is none

  const manifest_item* item(const std::string& id) const;
};

// Looks an href up in the archive (9.6). `other_case` tells that the name differs by case only.
struct found_entry {
  const archive_entry* entry = nullptr;
  bool outside = false, other_case = false;
};
found_entry look_up(const archive&, std::string_view folder, std::string_view href);

result<epub_package, refusal> read_package(archive&, const limits&, std::vector<warning>&);
std::vector<toc_entry> read_toc(archive&, const epub_package&, const limits&, int& pages_listed, std::string& landmark_cover,
                                std::vector<warning>&);
std::string find_drm(archive&, const epub_package&, const limits&, std::vector<warning>&);  // kind; "" when there is none
bool displays_fixed_layout(archive&, const limits&);  // the display options of Apple and Kobo
bool is_pre_paginated(const spine_item&);
bool is_fixed_layout(archive&, const epub_package&, const metadata&, const limits&);  // by any of what says so (9.3)
std::optional<cover_image> find_cover(archive&, const epub_package&, const std::string& landmark_cover, const limits&,
                                      std::vector<warning>&);

// Of a file that is to be written anew in another form: an EPUB, or a refusal of the codes of kepub.md 10 (kepub_not_epub,
// kepub_protected), or why it cannot be read.
struct epub_to_rewrite {
  std::unique_ptr<archive> zip;
  epub_package package;
};
result<epub_to_rewrite, refusal> open_for_rewriting(int source, const std::string& file_name, const limits&);

result<opened, refusal> open_epub(archive&, const std::string& file_name, const limits&, std::vector<warning>);

}  // namespace carrel::publication
