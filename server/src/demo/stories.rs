//! What customers of a web shop write, in their languages, and what agents answer. Texts only; when they are said is
//! decided elsewhere.

use dibs_protocol::summary::Summary;

/// A customer's matter from its first message to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Story {
    /// The matter and the language: tags of the conversation, together unique.
    pub topic: &'static str,
    /// The language.
    pub language: &'static str,
    /// The subject, for channels that have one.
    pub subject: &'static str,
    /// What the customer begins with.
    pub first: &'static str,
    /// What the customer adds before anybody has answered.
    pub nudge: &'static str,
    /// The first answer.
    pub reply: &'static str,
    /// What the customer asks then.
    pub question: &'static str,
    /// The second answer.
    pub second: &'static str,
    /// How the customer takes leave.
    pub thanks: &'static str,
}

/// The matter that the bot can settle.
pub(super) const FOR_BOTS: &str = "tracking";

macro_rules! stories {
    ($($topic:literal $language:literal $subject:literal: $first:literal, $nudge:literal, $reply:literal, $question:literal, $second:literal, $thanks:literal;)+) => {
        /// All of them.
        pub(super) const STORIES: &[Story] = &[$(Story {
            topic: $topic, language: $language, subject: $subject, first: $first, nudge: $nudge, reply: $reply,
            question: $question, second: $second, thanks: $thanks,
        }),+];
    };
}

stories! {
    "tracking" "en" "Where is my order?":
        "Hi, I ordered two lamps last Tuesday and have heard nothing since. Where is my parcel?",
        "The order number is 48213, if that helps.",
        "Your parcel left our warehouse this morning and should be with you tomorrow before noon.",
        "Can it be left with my neighbour? I am at work all day.",
        "Done: the courier will ring at number 12 if nobody opens at yours.",
        "Perfect, thank you!";
    "tracking" "fr" "Ma commande n'arrive pas":
        "Bonjour, ma commande devait arriver lundi et je n'ai toujours rien reçu.",
        "Il s'agit de la commande 51877.",
        "Bonjour, votre colis est en tournée aujourd'hui et sera livré entre 14 h et 18 h.",
        "Est-ce que je peux le retirer en point relais ?",
        "Oui, il vous attendra au relais de la gare à partir de demain matin.",
        "Parfait, merci beaucoup !";
    "returns" "en" "Return a coat":
        "Hello, the coat is lovely but too small. How do I send it back?",
        "It still has its label, I only tried it on.",
        "No problem: I have sent you a return label by mail. Drop the parcel at any pick-up point.",
        "How long until I get my money back?",
        "Three to five days after it reaches us, to the card you paid with.",
        "Great, thanks for the quick help.";
    "returns" "de" "Rückgabe":
        "Guten Tag, die Schuhe passen leider nicht. Wie kann ich sie zurückschicken?",
        "Noch etwas: Den Karton habe ich nicht mehr, ist das schlimm?",
        "Guten Tag, das Rücksendeetikett ist unterwegs zu Ihnen. Ein beliebiger Karton genügt.",
        "Kann ich sie stattdessen in Größe 42 umtauschen?",
        "Gern, Größe 42 ist reserviert und geht heute noch raus.",
        "Wunderbar, vielen Dank!";
    "billing" "en" "Charged twice":
        "I was charged twice for the same order. Please look into this.",
        "My bank shows two payments of 59.90 on the same day.",
        "You are right, and I am sorry. The second payment is being refunded now.",
        "When will I see it on my account?",
        "Within two working days. I have put a note on your order.",
        "Thank you, that was easy.";
    "billing" "es" "Factura":
        "Hola, necesito una factura con el CIF de mi empresa para el pedido de ayer.",
        "El CIF es B12345678, por cierto.",
        "Hola, aquí la tiene: le acabamos de enviar la factura corregida por correo.",
        "¿Puede salir así siempre, sin pedirla?",
        "Sí, lo he guardado en su cuenta para los próximos pedidos.",
        "Genial, muchas gracias.";
    "damaged" "en" "Broken cup":
        "One of the six cups arrived in pieces. I can send a photo.",
        "Here it is, the handle has come off as well.",
        "I am sorry about that. A new cup leaves today, and you need not send anything back.",
        "Could you wrap it better this time?",
        "Certainly, I have asked for double padding.",
        "You are very kind, thanks!";
    "damaged" "de" "Kratzer im Tisch":
        "Hallo, der Tisch hat einen langen Kratzer auf der Platte. Was nun?",
        "Der Karton war von außen heil.",
        "Das tut mir leid. Möchten Sie eine neue Platte oder zwanzig Prozent Nachlass?",
        "Der Nachlass wäre mir lieber. Wie geht das?",
        "Ich habe ihn eben veranlasst, das Geld ist übermorgen bei Ihnen.",
        "Danke für die schnelle Hilfe!";
    "stock" "en" "Back in stock?":
        "Will the green chair come back? I have been waiting for weeks.",
        "I would take four of them.",
        "Good news: forty of them arrive on Thursday. Shall I put four aside for you?",
        "Yes please! Can I pay on collection?",
        "Of course. They are yours until Saturday evening.",
        "Brilliant, thank you so much.";
    "stock" "it" "Disponibilità":
        "Buongiorno, la lampada da terra nera sarà di nuovo disponibile?",
        "Mi andrebbe bene anche in grigio scuro.",
        "Buongiorno, quella grigia è disponibile subito, la nera dal dieci del mese.",
        "Allora la grigia. Quanto costa la spedizione?",
        "È gratuita, perché supera i cinquanta euro.",
        "Grazie mille, siete gentilissimi.";
    "account" "en" "Cannot log in":
        "I cannot log in any more, it says my password is wrong. It is not.",
        "Still the same, also on my phone.",
        "Your account was locked after five attempts. It is open again: please try now.",
        "It works! Can I change my mail address there?",
        "Yes, under Settings, Account. You will get a mail to confirm it.",
        "Found it, thanks a lot.";
    "account" "pt" "Conta bloqueada":
        "Olá, não consigo entrar na minha conta desde ontem.",
        "Já tentei recuperar a senha duas vezes.",
        "Olá, a sua conta foi desbloqueada. Pode tentar agora, por favor?",
        "Agora sim. Como mudo o endereço de entrega?",
        "Em Definições, Moradas: o novo endereço vale já para a próxima encomenda.",
        "Muito obrigada pela ajuda!";
}

/// Names of customers.
pub(super) const CUSTOMERS: &[&str] = &[
    "Ada Okafor",
    "Bruno Costa",
    "Chloé Martin",
    "Daniel Weiss",
    "Elif Demir",
    "Farah Haddad",
    "Giulia Conti",
    "Hannah Vogt",
    "Iker Santos",
    "Jonas Lindqvist",
    "Kavya Rao",
    "Luís Ferreira",
    "Mina Park",
    "Noor de Vries",
    "Oscar Nilsson",
    "Paula Nowak",
    "Quentin Dubois",
    "Rosa Jiménez",
    "Stefan Huber",
    "Tomás Silva",
    "Uma Patel",
    "Viktor Horak",
    "Wanjiru Mwangi",
    "Yuki Tanaka",
];

/// What agents write to one another; `{}` is whom they mention.
pub(super) const NOTES: &[&str] = &[
    "@{} have you seen this kind of thing before?",
    "Same customer as last month, I think. @{} can you confirm?",
    "@{} I gave them free shipping, please do not be surprised.",
    "Warehouse says Thursday. @{} for your list.",
];

/// Why a conversation is handed over.
pub(super) const HAND_OVERS: &[&str] = &[
    "You know this better than I do.",
    "My shift is ending, could you take this?",
    "They ask for somebody else.",
];

/// What agents say to thanks.
pub(super) const WELCOME: &str = "You are welcome!";

/// The story that a conversation tells, by its tags.
pub(super) fn of(summary: &Summary) -> Option<&'static Story> {
    let has = |tag: &str| summary.tags.iter().any(|it| it == tag);
    STORIES
        .iter()
        .find(|story| has(story.topic) && has(story.language))
}

/// What an agent answers now. Conversations that nobody made up here get a sentence that fits everywhere.
pub(super) fn answer(summary: &Summary) -> &'static str {
    match of(summary) {
        Some(_) if says_thanks(summary) => WELCOME,
        Some(story) if summary.first_response_at.is_some() => story.second,
        Some(story) => story.reply,
        None => "Thank you for writing. I am looking into it and will be back in a moment.",
    }
}

/// Whether the customer's last word was a good-bye.
pub(super) fn says_thanks(summary: &Summary) -> bool {
    let last = summary
        .last_message
        .as_ref()
        .map(|message| message.excerpt.as_str());
    of(summary).is_some_and(|story| last == Some(story.thanks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn topic_and_language_name_one_story() {
        let names: HashSet<_> = STORIES.iter().map(|it| (it.topic, it.language)).collect();
        assert_eq!(names.len(), STORIES.len());
        assert!(STORIES.iter().any(|it| it.topic == FOR_BOTS));
    }

    #[test]
    fn good_byes_fit_an_excerpt_so_that_they_are_recognised() {
        assert!(STORIES.iter().all(|it| it.thanks.chars().count() <= 140));
    }

    #[test]
    fn there_are_several_languages_and_every_note_mentions_somebody() {
        let languages: HashSet<_> = STORIES.iter().map(|it| it.language).collect();
        assert!(languages.len() >= 5);
        assert!(NOTES.iter().all(|it| it.contains("@{}")));
    }
}
