//! Choices that a run of the model makes: all of them one after the other, or by luck.

pub(super) struct Choices {
    /// What was chosen, of how many.
    path: Vec<(usize, usize)>,
    at: usize,
    luck: Option<Vec<u8>>,
}

impl Choices {
    /// The run in which every choice is the first.
    pub(super) fn first() -> Self {
        Self { path: Vec::new(), at: 0, luck: None }
    }

    /// A run whose choices are drawn from `luck`, and the first when that is used up.
    pub(super) fn random(luck: Vec<u8>) -> Self {
        Self { path: Vec::new(), at: 0, luck: Some(luck) }
    }

    /// One of `options`, from 0.
    pub(super) fn of(&mut self, options: usize) -> usize {
        if let Some(luck) = &self.luck {
            let drawn = luck.get(self.at).map_or(0, |byte| usize::from(*byte) % options);
            self.at += 1;
            return drawn;
        }
        if self.at == self.path.len() {
            self.path.push((0, options));
        }
        let (chosen, of) = self.path[self.at];
        assert_eq!(of, options, "the same choices lead to the same question");
        self.at += 1;
        chosen
    }

    /// Goes on to the next run; `false` when there is none.
    pub(super) fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, options)) = self.path.pop() {
            if chosen + 1 < options {
                self.path.push((chosen + 1, options));
                return true;
            }
        }
        false
    }
}
