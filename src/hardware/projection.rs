//! One matrix of a layer, under the name that checkpoints give it.

/// A matrix of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    /// Its name in published checkpoints, inside its block: `q_proj`.
    pub name: &'static str,
    /// Values it takes.
    pub inputs: u64,
    /// Values it gives.
    pub outputs: u64,
    /// What GPUs divide.
    pub divided: DividedSide,
}

/// Which side of a matrix the GPUs of a server divide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DividedSide {
    /// What it takes: results are summed up by an all-reduce.
    Inputs,
    /// What it gives.
    Outputs,
    /// Neither: every GPU holds all of it.
    Neither,
}

impl Projection {
    /// A matrix whose outputs GPUs divide.
    pub const fn spread(name: &'static str, inputs: u64, outputs: u64) -> Self {
        Self {
            name,
            inputs,
            outputs,
            divided: DividedSide::Outputs,
        }
    }

    /// A matrix whose inputs GPUs divide.
    pub const fn gathered(name: &'static str, inputs: u64, outputs: u64) -> Self {
        Self {
            name,
            inputs,
            outputs,
            divided: DividedSide::Inputs,
        }
    }

    /// A matrix that every GPU holds.
    pub const fn whole(name: &'static str, inputs: u64, outputs: u64) -> Self {
        Self {
            name,
            inputs,
            outputs,
            divided: DividedSide::Neither,
        }
    }

    /// Inputs and outputs on one of `gpus`.
    pub const fn shape_on(&self, gpus: u64) -> (u64, u64) {
        match self.divided {
            DividedSide::Inputs => (self.inputs.div_ceil(gpus), self.outputs),
            DividedSide::Outputs => (self.inputs, self.outputs.div_ceil(gpus)),
            DividedSide::Neither => (self.inputs, self.outputs),
        }
    }

    /// Parameters on one of `gpus`.
    pub const fn parameters_on(&self, gpus: u64) -> u64 {
        let (inputs, outputs) = self.shape_on(gpus);
        inputs * outputs
    }

    /// Parameters of all of it.
    pub const fn parameters(&self) -> u64 {
        self.inputs * self.outputs
    }
}
