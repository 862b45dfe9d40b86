/* Doubly linked lists. What was deleted is poisoned: to use it is a fault. No switch point: the driver has a lock around each. */
#ifndef KERNEL_LISTS_H
#define KERNEL_LISTS_H
struct list_head {
	struct list_head *next, *prev;
};
#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }
#define LIST_POISON_NEXT_ ((struct list_head *)0xdead000000000100)
#define LIST_POISON_PREV_ ((struct list_head *)0xdead000000000200)

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head->prev = head;
}
static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}
static inline void list_link_(struct list_head *entry, struct list_head *before, struct list_head *after)
{
	entry->prev = before;
	entry->next = after;
	before->next = entry;
	after->prev = entry;
}
static inline void list_unlink_(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
}
static inline void list_add(struct list_head *entry, struct list_head *head)
{
	list_link_(entry, head, head->next);
}
static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	list_link_(entry, head->prev, head);
}
static inline void list_del(struct list_head *entry)
{
	list_unlink_(entry);
	entry->next = LIST_POISON_NEXT_;
	entry->prev = LIST_POISON_PREV_;
}
static inline void list_del_init(struct list_head *entry)
{
	list_unlink_(entry);
	INIT_LIST_HEAD(entry);
}
/* The way on stays for readers that stand on it. */
static inline void list_del_rcu(struct list_head *entry)
{
	list_unlink_(entry);
	entry->prev = LIST_POISON_PREV_;
}
#define list_add_rcu list_add
static inline void list_move(struct list_head *entry, struct list_head *head)
{
	list_unlink_(entry);
	list_add(entry, head);
}
static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	list_unlink_(entry);
	list_add_tail(entry, head);
}
static inline void list_splice_between_(struct list_head *list, struct list_head *before, struct list_head *after)
{
	if (list_empty(list))
		return;
	list->next->prev = before;
	list->prev->next = after;
	before->next = list->next;
	after->prev = list->prev;
}
static inline void list_splice(struct list_head *list, struct list_head *head)
{
	list_splice_between_(list, head, head->next);
}
static inline void list_splice_tail(struct list_head *list, struct list_head *head)
{
	list_splice_between_(list, head->prev, head);
}
#define list_entry(pointer, type, member) container_of(pointer, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_next_entry(entry, member) list_entry((entry)->member.next, __typeof__(*(entry)), member)
#define list_for_each_entry(entry, head, member)                                               \
	for (entry = list_first_entry(head, __typeof__(*entry), member); &entry->member != (head); \
	     entry = list_next_entry(entry, member))
#define list_for_each_entry_safe(entry, following, head, member)                               \
	for (entry = list_first_entry(head, __typeof__(*entry), member),                       \
	    following = list_next_entry(entry, member);                                        \
	     &entry->member != (head); entry = following, following = list_next_entry(following, member))
#define list_for_each_entry_rcu(entry, head, member, ...) list_for_each_entry(entry, head, member)
#endif
