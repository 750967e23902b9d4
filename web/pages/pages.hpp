#pragma once
// Every page and every form, one function each. Forms answer 303 and a bar that says what was done.

#include "web/visit.hpp"

namespace carrel::web {

using answer = task<http::response>;

answer static_file(const site&, http::context&);
answer language_change(const site&, http::context&);
answer theme_change(const site&, http::context&);
answer not_found_page(const site&, http::context&);

answer setup_page(const site&, http::context&);
answer setup_step(const site&, http::context&);
answer welcome_page(const site&, http::context&);
answer login_page(const site&, http::context&);
answer login(const site&, http::context&);
answer logout(const site&, http::context&);

answer home_page(const site&, http::context&);
answer library_page(const site&, http::context&);
answer authors_page(const site&, http::context&);
answer series_page(const site&, http::context&);

answer book_page(const site&, http::context&);
answer book_edit_page(const site&, http::context&);
answer book_cover(const site&, http::context&);
answer book_edit(const site&, http::context&);
answer book_undo_edit(const site&, http::context&);
answer book_trash(const site&, http::context&);
answer book_untrash(const site&, http::context&);
answer book_approve(const site&, http::context&);
answer book_shelve(const site&, http::context&);
answer book_restore_position(const site&, http::context&);
answer book_undo_position(const site&, http::context&);
answer book_remove_position(const site&, http::context&);
answer book_bring_back_position(const site&, http::context&);
answer opinion_page(const site&, http::context&);
answer opinion_change(const site&, http::context&);
answer opinion_undo(const site&, http::context&);
answer trash_page(const site&, http::context&);
answer review_page(const site&, http::context&);

answer upload_page(const site&, http::context&);
answer upload(const site&, http::context&);

answer shelves_page(const site&, http::context&);
answer shelf_make(const site&, http::context&);
answer shelf_page(const site&, http::context&);
answer shelf_change(const site&, http::context&);
answer shelf_delete(const site&, http::context&);
answer shelf_add(const site&, http::context&);
answer shelf_remove(const site&, http::context&);
answer shelf_devices(const site&, http::context&);
answer rule_new_page(const site&, http::context&);
answer rule_new(const site&, http::context&);
answer rule_page(const site&, http::context&);
answer rule_change(const site&, http::context&);

answer devices_page(const site&, http::context&);
answer device_page(const site&, http::context&);
answer device_add_page(const site&, http::context&);
answer device_add(const site&, http::context&);
answer device_rotate(const site&, http::context&);
answer device_revoke(const site&, http::context&);
answer device_shelves(const site&, http::context&);
answer device_seen(const site&, http::context&);
answer device_unseen(const site&, http::context&);
answer kobo_again(const site&, http::context&);
answer kobo_take_off(const site&, http::context&);
answer kobo_show(const site&, http::context&);
answer kobo_reset_page(const site&, http::context&);
answer kobo_reset(const site&, http::context&);
answer kobo_pause(const site&, http::context&);
answer kobo_take_back(const site&, http::context&);
answer kobo_agree(const site&, http::context&);
answer kobo_choices(const site&, http::context&);
answer kobo_live(const site&, http::context&);

answer errata_page(const site&, http::context&);
answer errata_kind_page(const site&, http::context&);
answer errata_dismiss(const site&, http::context&);
answer errata_undismiss(const site&, http::context&);
answer errata_retry(const site&, http::context&);
answer errata_put_off(const site&, http::context&);
answer errata_ignore(const site&, http::context&);
answer errata_show_again(const site&, http::context&);
answer errata_ask(const site&, http::context&);
answer document_link_page(const site&, http::context&);
answer document_link(const site&, http::context&);
answer document_unlink(const site&, http::context&);
answer position_accept(const site&, http::context&);
answer position_dismiss(const site&, http::context&);

answer duplicates_page(const site&, http::context&);
answer duplicate_page(const site&, http::context&);
answer duplicates_merge(const site&, http::context&);
answer duplicates_both(const site&, http::context&);
answer duplicates_ask_again(const site&, http::context&);
answer merges_page(const site&, http::context&);
answer merge_undo(const site&, http::context&);

answer jobs_page(const site&, http::context&);
answer job_cancel(const site&, http::context&);
answer job_retry(const site&, http::context&);
answer files_pause(const site&, http::context&);
answer files_resume(const site&, http::context&);
answer job_pause(const site&, http::context&);
answer job_resume(const site&, http::context&);

answer libraries_page(const site&, http::context&);
answer library_add(const site&, http::context&);
answer library_one_page(const site&, http::context&);
answer library_scan(const site&, http::context&);
answer library_verify(const site&, http::context&);
answer library_remove(const site&, http::context&);
answer library_restore(const site&, http::context&);
answer library_pattern(const site&, http::context&);
answer library_take_new(const site&, http::context&);
answer library_writing_page(const site&, http::context&);
answer library_writing(const site&, http::context&);
answer place_again(const site&, http::context&);
answer place_dismiss(const site&, http::context&);
answer place_undismiss(const site&, http::context&);
answer file_look(const site&, http::context&);

answer sources_page(const site&, http::context&);
answer sources_change(const site&, http::context&);
answer source_switch(const site&, http::context&);
answer source_raise(const site&, http::context&);
answer source_key(const site&, http::context&);
answer source_drop_key(const site&, http::context&);
answer source_test(const site&, http::context&);
answer source_add(const site&, http::context&);
answer source_drop(const site&, http::context&);
answer sources_fetch(const site&, http::context&);
answer sources_pause(const site&, http::context&);

answer account_page(const site&, http::context&);
answer account_password(const site&, http::context&);
answer account_appearance(const site&, http::context&);
answer account_positions(const site&, http::context&);
answer account_export(const site&, http::context&);
answer account_make_key(const site&, http::context&);
answer account_revoke_key(const site&, http::context&);

answer people_page(const site&, http::context&);
answer person_add(const site&, http::context&);
answer person_role(const site&, http::context&);
answer person_disable(const site&, http::context&);
answer person_enable(const site&, http::context&);

}  // namespace carrel::web
