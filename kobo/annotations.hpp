#pragma once
// Highlights and notes of a reader (kobo.md 15). A device that asks for those of a book keeps just what it is answered and
// deletes the rest, so what is stored here is complete or is known not to be.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/json.hpp"
#include "server/core/uuid.hpp"
#include "server/db/tx.hpp"

namespace carrel::kobo {

// A PATCH {"updatedAnnotations":[...],"deletedAnnotationIds":[...]}: of each annotation the newest wins, by the reader's own
// time. What cannot be read is kept as it came, and the set counts as incomplete.
void patch_annotations(db::tx&, const uuid& user, const uuid& told, std::string_view body);

struct annotation_set {
  std::string body;  // {"annotations":[...],"nextPageOffsetToken":null}, all of them
  std::string etag;  // W/"0" when there is none
  bool known = false;
};
annotation_set read_annotations(db::tx&, const uuid& user, const uuid& told);

// What a device says it holds of a book, and the ids of those whose annotations it shall fetch (rule 1): none unless `offer`. A
// book of which it shows more than we hold is never named again (rule 4).
struct inventory_entry {
  uuid entitlement;
  std::string spelled, etag;
};
std::vector<std::string> annotations_to_fetch(db::tx&, const uuid& user, const std::vector<inventory_entry>&, bool offer);
// [{"ContentId","etag"}]; ids that cannot be ours are left out.
std::vector<inventory_entry> read_inventory(std::string_view body);

// Of a reader that cannot be recognised (by the hash of what it shows, "" for nothing): 1 MiB each, a hundred of them, 30 days.
void keep_leftover(db::tx&, const std::string& bearer_hash, std::string_view content, std::string_view body);
// It has been recognised: what was kept becomes the user's.
void adopt_leftovers(db::tx&, const std::string& bearer_hash, const uuid& user);

}  // namespace carrel::kobo
