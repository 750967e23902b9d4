#include "library/rule_sql.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "library/book_parts.hpp"
#include "library/search_words.hpp"

namespace carrel::library {
namespace {

// Files of one book are formats of one recording, not its parts.
#define CARREL_MINUTES "(select max(f.duration_ms) / 60000 from book_files f where f.book_id = b.id and f.duration_ms > 0)"

class writer {
 public:
  explicit writer(const uuid& reader) { reader_ = out_.add(reader); }

  std::string reader() const { return reader_; }
  bool reads() const { return reads_; }
  template <class T>
  std::string add(const T& value) {
    return out_.add(value);
  }
  db::composed take(std::string sql) && {
    out_.sql = std::move(sql);
    return std::move(out_);
  }

  // Never null. What is asked of a thing that need not be there says so in a way that the planner understands: it then begins
  // with those books that have it.
  std::string condition(const rule_node& n) {
    if (n.is == rule_node::what::test) return condition(n.test);
    if (n.parts.empty()) return "true";
    std::string out = n.is == rule_node::what::none ? "not (" : "(";
    const char* between = n.is == rule_node::what::all ? " and " : " or ";
    for (std::size_t i = 0; i < n.parts.size(); ++i) out.append(i > 0 ? between : "").append(condition(n.parts[i]));
    return out + ")";
  }

  std::string order(const rule& r) {
    std::string out;
    for (const order_key& key : keys(r.sort))
      out.append(key.sql).append(r.descending ? " desc" : "").append(key.always_known ? ", " : " nulls last, ");
    return out + (r.sort == rule_sort::title ? "b.id" : "b.title_key, b.id");
  }

 private:
  struct order_key {
    std::string_view sql;
    bool always_known = false;  // an index may serve it
  };
  std::vector<order_key> keys(rule_sort s) {
    switch (s) {
      case rule_sort::added: return {{"b.created_at", true}};
      case rule_sort::title: return {{"b.title_key", true}};
      case rule_sort::author: return {{"b.author_key", true}, {"b.place_key", true}};
      case rule_sort::series: return {{"case when b.series_id is not null then b.place_key end"}};
      case rule_sort::published: return {{"nullif(b.published_on, '') collate \"C\""}};
      case rule_sort::pages: return {{"b.page_count"}};
      case rule_sort::duration: return {{CARREL_MINUTES}};
      case rule_sort::rating: reads_ = true; return {{"r.rating"}};
    }
    throw std::logic_error("no such order");
  }

  std::string condition(const rule_test& t) {
    switch (t.op) {
      case rule_op::is: return positive(t);
      case rule_op::is_not: return "not " + positive(t);
      case rule_op::contains: return t.field == rule_field::text ? words(t) : holding(t);
      case rule_op::present: return known(t.field);
      case rule_op::missing: return "not " + known(t.field);
      case rule_op::since: return "(b.created_at >= " + add(t.texts.front()) + "::date)";
      case rule_op::before: return "(b.created_at < " + add(t.texts.front()) + "::date)";
      case rule_op::within_days: return "(b.created_at >= current_date - " + add(whole(t)) + "::int)";
      case rule_op::older_than_days: return "(b.created_at < current_date - " + add(whole(t)) + "::int)";
      case rule_op::at_least: return compared(t, " >= ");
      case rule_op::at_most: return compared(t, " <= ");
      case rule_op::above: return compared(t, " > ");
      case rule_op::below: return compared(t, " < ");
    }
    throw std::logic_error("no such condition");
  }

  static std::int64_t whole(const rule_test& t) { return std::llround(t.field == rule_field::rating ? 2 * t.number : t.number); }

  std::string number(rule_field f) {
    switch (f) {
      case rule_field::rating: reads_ = true; return "r.rating";
      case rule_field::year: return "b.published_year";
      case rule_field::pages: return "b.page_count";
      default: return CARREL_MINUTES;
    }
  }
  static bool is_number(rule_field f) {
    return f == rule_field::rating || f == rule_field::year || f == rule_field::pages || f == rule_field::duration;
  }
  std::string compared(const rule_test& t, const char* sign) {
    std::string is = number(t.field) + sign + add(whole(t)) + "::bigint";
    if (t.field == rule_field::duration) return "coalesce(" + is + ", false)";  // which is asked for once
    return "(" + number(t.field) + " is not null and " + is + ")";
  }

  static std::vector<std::string> keys_of(const rule_test& t) {
    std::vector<std::string> out;
    for (const std::string& text : t.texts) out.push_back(key_of_name(text));
    return out;
  }
  std::string texts(const rule_test& t) { return add(t.texts) + "::text[]"; }
  std::string keys_in(const rule_test& t) { return add(keys_of(t)) + "::text[]"; }
  std::string ids(const rule_test& t) { return add(t.texts) + "::uuid[]"; }

  std::string positive(const rule_test& t) {
    if (is_number(t.field)) return compared(t, " = ");
    switch (t.field) {
      case rule_field::state: return state(t);
      case rule_field::language: {
        std::string wanted = texts(t);
        return "exists (select from unnest(b.languages) l where l = any (" + wanted + ") or split_part(l, '-', 1) = any (" +
               wanted + "))";
      }
      case rule_field::genre:
        return "exists (select from unnest(b.genres) g where lower(g) in (select lower(v) from unnest(" + texts(t) + ") v))";
      case rule_field::tag: return "(b.tag_keys && " + keys_in(t) + ")";
      case rule_field::author:
        return "exists (select from book_people bp join people p on p.id = bp.person_id"
               " where bp.book_id = b.id and bp.role = 'aut' and p.name_key = any (" +
               keys_in(t) + "))";
      case rule_field::series:
        return "(b.series_id is not null and b.series_id in (select s.id from series s where s.name_key = any (" + keys_in(t) +
               ")))";
      case rule_field::publisher:
        return "(b.publisher is not null and lower(b.publisher) in (select lower(v) from unnest(" + texts(t) + ") v))";
      case rule_field::format:
        return "exists (select from book_files f where f.book_id = b.id and f.format = any (" + texts(t) + "))";
      case rule_field::library: return "(b.library_id = any (" + ids(t) + "))";
      case rule_field::shelf:
        return "exists (select from shelf_books sb join shelves s on s.id = sb.shelf_id join users o on o.id = s.user_id"
               " where sb.book_id = b.id and sb.shelf_id = any (" +
               ids(t) + ") and (s.user_id = " + reader_ + " or (s.shared and o.disabled_at is null)))";
      default: throw std::logic_error("a field that is nothing");
    }
  }

  std::string state(const rule_test& t) {
    reads_ = true;
    bool unread = std::find(t.texts.begin(), t.texts.end(), "unread") != t.texts.end();
    if (unread) return "(coalesce(r.state, 'unread') = any (" + texts(t) + "))";
    return "(r.state is not null and r.state = any (" + texts(t) + "))";
  }

  // A text that is part of the field's.
  std::string holding(const rule_test& t) {
    auto in = [](std::string part, const std::string& whole, const std::string& all) {
      return "exists (select from unnest(" + all + ") v where position(" + part + " in " + whole + ") > 0)";
    };
    switch (t.field) {
      case rule_field::genre: return "exists (select from unnest(b.genres) g where " + in("lower(v)", "lower(g)", texts(t)) + ")";
      case rule_field::tag: return "exists (select from unnest(b.tag_keys) k where " + in("v", "k", keys_in(t)) + ")";
      case rule_field::author:
        return "exists (select from book_people bp join people p on p.id = bp.person_id where bp.book_id = b.id and bp.role = "
               "'aut' and " +
               in("v", "p.name_key", keys_in(t)) + ")";
      case rule_field::series:
        return "(b.series_id is not null and b.series_id in (select s.id from series s where " +
               in("v", "s.name_key", keys_in(t)) + "))";
      case rule_field::publisher: return in("lower(v)", "lower(coalesce(b.publisher, ''))", texts(t));
      default: throw std::logic_error("a field that holds nothing");
    }
  }

  std::string words(const rule_test& t) {
    return "(b.search_vector @@ to_tsquery('simple', " + add(search_words(t.texts.front())) + "))";
  }

  std::string known(rule_field f) {
    if (is_number(f)) return "(" + number(f) + " is not null)";
    switch (f) {
      case rule_field::language: return "(b.languages <> '{}')";
      case rule_field::genre: return "(b.genres <> '{}')";
      case rule_field::tag: return "(b.tag_keys <> '{}')";
      case rule_field::author: return "exists (select from book_people bp where bp.book_id = b.id and bp.role = 'aut')";
      case rule_field::series: return "(b.series_id is not null)";
      case rule_field::publisher: return "(coalesce(b.publisher, '') <> '')";
      case rule_field::cover: return "(b.cover_id is not null)";
      default: throw std::logic_error("a field that is always known");
    }
  }

  db::composed out_;
  std::string reader_;
  bool reads_ = false;
};

// `one_by_one`: of a few books; what the reader said is looked up for each.
std::string reading(const writer& w, bool one_by_one) {
  if (!w.reads()) return "";
  if (!one_by_one) return " left join readings(" + w.reader() + ") r on r.book_id = b.id";
  return " left join lateral (select * from readings(" + w.reader() + ") x where x.book_id = b.id) r on true";
}

}  // namespace

db::composed matching_books(const rule& r, const uuid& reader, const std::optional<std::vector<uuid>>& among, int most) {
  writer w(reader);
  std::string where = w.condition(r.when), order = w.order(r);
  std::string sql = "select b.id from visible_books(" + w.reader() + ") b" + reading(w, among.has_value()) +
                    " where b.status = 'organized' and " + where;
  if (among) sql += " and b.id = any (" + w.add(*among) + "::uuid[])";
  sql += " order by " + order + " limit " + w.add(most) + "::int";
  return std::move(w).take(std::move(sql));
}

db::composed matching_count(const rule& r, const uuid& reader) {
  writer w(reader);
  std::string where = w.condition(r.when);
  std::string sql = "select count(*) from visible_books(" + w.reader() + ") b" + reading(w, false) +
                    " where b.status = 'organized' and " + where;
  return std::move(w).take(std::move(sql));
}

db::composed books_in_order(const rule& r, const uuid& reader, const uuid& shelf) {
  writer w(reader);
  std::string order = w.order(r);
  std::string sql =
      "select b.id, sb.position from shelf_books sb join shelves s on s.id = sb.shelf_id and s.user_id = " + w.reader() +
      " join books b on b.id = sb.book_id" + reading(w, false) + " where sb.shelf_id = " + w.add(shelf) + " order by " + order;
  return std::move(w).take(std::move(sql));
}

#undef CARREL_MINUTES

}  // namespace carrel::library
