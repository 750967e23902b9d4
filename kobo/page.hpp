#pragma once
// A page of a session as items. Contents are rendered live; where reality contradicts what the session planned, the truth is said
// and the session becomes doubtful there, before the answer leaves (kobo.md 17.5.2). Internal to kobo/.

#include <vector>

#include "kobo/sync.hpp"

namespace carrel::kobo {

json::array render_page(db::tx&, const kobo_row&, const session&, const std::vector<op>&, const sync_request&,
                        const sync_settings&, const library::store&);

}  // namespace carrel::kobo
