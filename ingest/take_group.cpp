#include <algorithm>

#include "ingest/company.hpp"
#include "ingest/item_lock.hpp"
#include "ingest/work.hpp"

namespace carrel::ingest {
namespace {

ending storing_failed(const error& why) {
  ending out;
  out.how = ending::failed;
  out.code = why.field;
  out.detail = why.reason;
  out.again_after = std::chrono::minutes(5);
  return out;
}

class group_work {
 public:
  group_work(const services& s, const uuid& id) : with_(s), id_(id) {
    s.pool.read_now([&](db::tx& tx) {
      rows_ = find_group(tx, id);
      book_ = book_of_group(tx, id);
    });
  }

  std::vector<member_ending> take() {
    result<company> beside = read_company(with_, id_, rows_.sidecars);
    for (const uuid& item : rows_.items) {
      if (!beside) {
        out_.push_back({item, storing_failed(beside.error())});
        continue;
      }
      out_.push_back({item, *take_in(with_, item, true, nullptr, &*beside)});
      note(out_.back().end);
    }
    if (beside) finish(*beside);
    return std::move(out_);
  }

 private:
  // A file that came another way before: its book is the group's, if all of them are of one.
  void note(const ending& e) {
    if (e.how == ending::added && !book_) book_ = e.book;
    if (e.how == ending::duplicate && !book_) {
      book_ = with_.pool.write_now([&](db::tx& tx) {
        set_book_of_group(tx, id_, e.book);
        return book_of_group(tx, id_);
      });
    }
    bool is_in = e.how == ending::added || e.how == ending::duplicate;
    mixed_ = mixed_ || (is_in && book_ && e.book != *book_);
  }

  void finish(const company& beside) {
    group_rows now = with_.pool.read_now([&](db::tx& tx) { return find_group(tx, id_); });
    bool untold = std::any_of(beside.sidecars.begin(), beside.sidecars.end(), [&](const sidecar_row& read) {
      return std::any_of(now.sidecars.begin(), now.sidecars.end(),
                         [&](const sidecar_row& s) { return s.id == read.id && !s.told; });
    });
    if (book_ && !mixed_ && untold) tell_book(with_, beside, *book_);
    with_.pass(step::told);
    put_sidecars_away(with_, id_);
    if (!now.ended) with_.pool.write_now([&](db::tx& tx) { mark_group_ended(tx, id_); });
  }

  const services& with_;
  uuid id_;
  group_rows rows_;
  std::optional<uuid> book_;
  bool mixed_ = false;  // its files are of several books; nobody can say whose the rest is
  std::vector<member_ending> out_;
};

}  // namespace

std::optional<std::vector<member_ending>> take_group(const services& s, const uuid& group, bool wait) {
  std::optional<item_lock> mine = item_lock::take(s.store, group, wait);
  if (!mine) return std::nullopt;
  return group_work(s, group).take();
}

}  // namespace carrel::ingest
