/// What is to be said in this process and to others when a completion is durable.
enum OngoingEffect {
    case message(InboxItem)
    case published
}
